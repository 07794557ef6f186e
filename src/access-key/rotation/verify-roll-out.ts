import { BootstrapError } from '../../core/errors.ts';
import type { MemberFailure } from '../../core/step.ts';
import type { AccessKeyRun } from '../context.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { keyInCluster } from '../../external-secrets/pull-secret/objects.ts';
import { verifyEveryLevel } from '../../external-secrets/pull-secret/verify-levels.ts';
import { isControllerReady } from '../../external-secrets/pull-secret/resync.ts';
import type { Rotation } from './state.ts';

/**
 * Waits until the cluster has the new key, and every namespace has a token that was issued with it.
 * @param outgoing the keys that the new key replaces
 * @param hint the hint of the error when the cluster does not get the new key
 * @returns namespaces that reject a new token; the old key is not kept for them
 */
export async function verifyRollOut(
  run: AccessKeyRun,
  { outgoing }: Pick<Rotation, 'outgoing'>,
  hint: string,
): Promise<readonly MemberFailure[]> {
  // Earlier syncs of an operator that has stopped say nothing about the new key.
  if (!(await isControllerReady(run))) {
    throw new BootstrapError({
      code: 'not-ready',
      what: 'could not give the namespaces tokens of the new access key',
      why: 'External Secrets Operator is not running in this cluster',
      hint,
    });
  }
  const refused = await verifyEveryLevel(run);
  const id = await keyInCluster(run.ctx.cluster);
  if (id !== undefined && !outgoing.some((key) => key.id === id)) return refused;
  throw new BootstrapError({
    code: 'not-ready',
    what: `could not update the access key in Secret ${namespace}/${keySecretName}`,
    why: id === undefined ? 'the Secret has no access key' : `the Secret still has access key ${id}`,
    hint,
  });
}
