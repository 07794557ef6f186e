import { utcTime } from '../core/duration.ts';
import type { CompletedRun } from '../core/step.ts';
import { clusterId } from '../cluster/cluster-id.ts';
import { bootstrapStep } from './bootstrap/state.ts';
import { classify, retiredAt } from './classify.ts';
import type { AccessKeyContext } from './context.ts';
import { type ClusterRecord, clusterLabel, recordsIn } from './registration/records.ts';
import { retiredKeys } from './rotation/state.ts';
import { type KeyChange, observeKey } from './state.ts';

/** The next steps after the step that creates a key. */
export async function stepsAfterNewKey(
  ctx: AccessKeyContext,
  { changes, steps }: CompletedRun<KeyChange>,
): Promise<string[]> {
  const isPlanned = changes.some(
    ({ action, payload }) => payload.does === 'provideKey' && action === 'create',
  );
  return isPlanned ? stepsForOtherClusters(ctx, { givesKey: steps.has(bootstrapStep.id) }) : [];
}

/** Shows when keys that rotations disabled are deleted. */
export async function deletionOfRetiredKeys(ctx: AccessKeyContext): Promise<string[]> {
  const state = await observeKey(ctx);
  const { pair } = classify(state);
  return retiredKeys(state).map((key) => {
    const at = utcTime(retiredAt(key, state, pair));
    return `Access key ${key.id} is disabled; the first ecr-bootstrap up or rotate after ${at} deletes it.`;
  });
}

interface NewKey {
  /** This run has given the key to the current cluster. */
  readonly givesKey: boolean;
  /** Every older key was disabled, even if IAM's list still shows it as active. */
  readonly hasRevoked?: boolean;
}

/** The next steps for other clusters of the project, and for this cluster when the run changed only AWS. */
export async function stepsForOtherClusters(
  ctx: AccessKeyContext,
  { givesKey, hasRevoked = false }: NewKey,
): Promise<string[]> {
  const { project, pullSecret } = ctx.config;
  const { keys, stored } = await observeKey(ctx);
  const here = givesKey ? await clusterId(ctx.cluster) : undefined;
  const others = recordsIn(stored.id?.tags).filter(({ id }) => id !== here);
  const isCutOff = ({ keyId }: ClusterRecord): boolean =>
    hasRevoked || !keys.some(({ id, active }) => id === keyId && active);
  const cutOff = others.filter(isCutOff);
  const sharing = `${givesKey ? 'Other clusters' : 'Clusters'} of project ${project} get the new key automatically within ${pullSecret.renewEvery}; \`ecr-bootstrap up\` for them verifies it.`;
  return [
    ...cutOff.map(
      (one) => `Run \`ecr-bootstrap up\` for cluster ${clusterLabel(one)}: it cannot pull until then.`,
    ),
    ...(cutOff.length < others.length ? [sharing] : []),
  ];
}
