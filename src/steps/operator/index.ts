import { refOf } from '../../cluster/names.ts';
import { type Change, nameOf, type Outcome } from '../../plan/index.ts';
import type { Step } from '../context.ts';
import {
  applyObjects,
  diffObjects,
  keyOf,
  type ObjectsState,
  observeObjects,
  removeObjects,
} from '../objects.ts';
import { operatorHealth } from './health.ts';
import { rights } from './rights.ts';
import { waitForCertificate, waitUntilProven } from './readiness.ts';
import { isAfterCertificate, noAuthorities, wantedObjects } from './wanted.ts';

/** External Secrets Operator from the private registry, with the pull secret that the step before has seeded. */
export const operator: Step<ObjectsState> = {
  id: 'operator',
  title: 'External Secrets Operator',
  needs: ['cluster'],
  rights,

  async observe(ctx) {
    const wanted = await wantedObjects(ctx);
    const unwanted = ctx.config.externalSecrets.caBundle === undefined ? [refOf(noAuthorities)] : [];
    return observeObjects(ctx.cluster, wanted, wanted.length > 0 ? unwanted : []);
  },

  diff: diffObjects,

  async apply(changes, state, run) {
    const [early, late] = split(changes, state);
    const outcomes = await applyObjects(early, state, run);
    if (late.length === 0) return outcomes;
    if (outcomes.some(({ result }) => result !== 'done')) return [...outcomes, ...late.map(skipped)];
    await waitForCertificate(run);
    return [...outcomes, ...(await applyObjects(late, state, run))];
  },

  async ready({ wanted }, run) {
    if (wanted.length > 0) await waitUntilProven(run);
  },

  health: async ({ seen }, ctx) => (seen.size === 0 ? [] : operatorHealth(ctx)),

  render: wantedObjects,

  remove: removeObjects,
};

/** What can be applied at once, and what has to wait for the webhook's certificate. */
function split(changes: readonly Change[], { wanted }: ObjectsState): [Change[], Change[]] {
  const waiting = new Set(wanted.filter(isAfterCertificate).map((object) => keyOf(refOf(object))));
  const isLate = ({ action, target }: Change): boolean => action !== 'delete' && waiting.has(nameOf(target));
  return [changes.filter((change) => !isLate(change)), changes.filter(isLate)];
}

const skipped = (change: Change): Outcome => ({ change, result: 'skipped' });
