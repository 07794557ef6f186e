import { applyBootstrap } from '../access-key/bootstrap/apply.ts';
import { diffBootstrap, previewBootstrap } from '../access-key/bootstrap/diff.ts';
import { removalRights, removeBootstrap } from '../access-key/bootstrap/remove.ts';
import {
  type BootstrapChange,
  type BootstrapState,
  bootstrapStep,
  observeBootstrap,
} from '../access-key/bootstrap/state.ts';
import { labeled } from '../core/labels.ts';
import { namespaceObject } from '../external-secrets/pull-secret/objects.ts';
import type { Step } from './context.ts';

/**
 * The operator's pods need the pull secret that only the operator renews. This step resolves that circular
 * dependency: it writes the first pull secret, and a new one whenever the registry rejects the existing one.
 */
export const pullSecretBootstrap: Step<BootstrapState, BootstrapChange> = {
  ...bootstrapStep,
  title: "the operator's pull secret",
  subject: ({ config }) => `pull secret "${config.pullSecret.name}"`,
  removalRights,
  observe: observeBootstrap,
  diff(state, ctx) {
    const { changes, findings } = diffBootstrap(state, ctx);
    return { changes: labeled(changes, () => undefined), findings };
  },
  preview: previewBootstrap,
  apply: applyBootstrap,
  render: async (ctx) => [
    namespaceObject({ project: ctx.config.project, registryHost: await ctx.registryHost() }, undefined),
  ],
  remove: removeBootstrap,
};
