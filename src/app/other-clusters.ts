import { keyTarget } from '../steps/image-puller-key/diff.ts';
import { observeKey } from '../steps/image-puller-key/state.ts';
import type { Context } from '../steps/context.ts';
import type { Change } from '../plan/index.ts';
import { clusterId } from '../steps/registration/cluster-id.ts';
import { type ClusterRecord, describeRecord, recordsIn } from '../steps/registration/records.ts';

export const createsKey = (changes: readonly Change[]): boolean =>
  changes.some(({ action, target }) => action === 'create' && target.kind === keyTarget('').kind);

/**
 * What a new access key means for the other clusters of the project.
 * @param hasRevoked whether every older key was disabled, whatever IAM's list still shows
 */
export async function newKeyElsewhere(ctx: Context, hasRevoked = false): Promise<string[]> {
  const { project, pullSecret } = ctx.config;
  const { keys, stored } = await observeKey(ctx);
  const here = await clusterId(ctx.cluster);
  const others = recordsIn(stored.id?.tags).filter(({ id }) => id !== here);
  const isCutOff = ({ keyId }: ClusterRecord): boolean =>
    hasRevoked || !keys.some(({ id, active }) => id === keyId && active);
  const cutOff = others.filter(isCutOff);
  const sharing = `Other clusters that share project ${project} read the new key by themselves within ${pullSecret.renewEvery}; ecr-bootstrap up there proves it.`;
  return [
    ...cutOff.map(
      (one) => `Run ecr-bootstrap up for cluster ${describeRecord(one)}: it cannot pull until then.`,
    ),
    ...(cutOff.length < others.length ? [sharing] : []),
  ];
}
