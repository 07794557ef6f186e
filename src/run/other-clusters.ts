import { keyTarget } from '../iam/users/targets.ts';
import { observeKey } from '../access-key/state.ts';
import type { Context } from '../steps/context.ts';
import type { Change } from '../core/step.ts';
import { clusterId } from '../cluster/cluster-id.ts';
import { type ClusterRecord, clusterLabel, recordsIn } from '../access-key/registration/records.ts';

export const createsKey = (changes: readonly Change[]): boolean =>
  changes.some(({ action, target }) => action === 'create' && target.kind === keyTarget('').kind);

interface NewKey {
  /** This run has given the key to the current cluster. */
  readonly givesKey: boolean;
  /** Every older key was disabled, whatever IAM's list still shows. */
  readonly hasRevoked?: boolean;
}

/** What a new access key means for the other clusters of the project, and for this one where a run is in AWS alone. */
export async function nextStepsForOtherClusters(
  ctx: Context,
  { givesKey, hasRevoked = false }: NewKey,
): Promise<string[]> {
  const { project, pullSecret } = ctx.config;
  const { keys, stored } = await observeKey(ctx);
  const here = givesKey ? await clusterId(ctx.cluster) : undefined;
  const others = recordsIn(stored.id?.tags).filter(({ id }) => id !== here);
  const isCutOff = ({ keyId }: ClusterRecord): boolean =>
    hasRevoked || !keys.some(({ id, active }) => id === keyId && active);
  const cutOff = others.filter(isCutOff);
  const sharing = `${givesKey ? 'Other clusters' : 'Clusters'} that share project ${project} read the new key by themselves within ${pullSecret.renewEvery}; \`ecr-bootstrap up\` there verifies it.`;
  return [
    ...cutOff.map(
      (one) => `Run \`ecr-bootstrap up\` for cluster ${clusterLabel(one)}: it cannot pull until then.`,
    ),
    ...(cutOff.length < others.length ? [sharing] : []),
  ];
}
