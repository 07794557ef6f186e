import { applySeed } from '../access-key/bootstrap/apply.ts';
import { diffSeed } from '../access-key/bootstrap/diff.ts';
import { removalRights, removeSeed } from '../access-key/bootstrap/remove.ts';
import { observeSeed, seedStep, type SeedState } from '../access-key/bootstrap/state.ts';
import { namespaceObject } from '../external-secrets/pull-secret/objects.ts';
import type { Step } from './context.ts';

/**
 * The operator's pods need the pull secret that only the operator renews. This step breaks the circle: it writes the
 * first one, and a new one whenever the registry refuses the one that is there.
 */
export const pullSecretSeed: Step<SeedState> = {
  ...seedStep,
  title: "the operator's pull secret",
  removalRights,
  observe: observeSeed,
  diff: diffSeed,
  apply: applySeed,
  render: async (ctx) => [
    namespaceObject({ project: ctx.config.project, registryHost: await ctx.registryHost() }, undefined),
  ],
  remove: removeSeed,
};
