import { BootstrapError } from '../../core/errors.ts';
import type { MemberFailure } from '../../core/step.ts';
import type { AccessKeyRun } from '../context.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { keyInCluster } from '../../external-secrets/pull-secret/objects.ts';
import { verifyEveryLevel } from '../../external-secrets/pull-secret/verify-levels.ts';
import { isControllerReady } from '../../external-secrets/pull-secret/resync.ts';
import type { Rotation } from './state.ts';

/**
 * Waits until the cluster has the new key, and every namespace a token that was issued with it, save those that refuse
 * a new token. These are returned: the old key is not kept for them.
 * @param outgoing the keys that it takes the place of
 * @param hint what to do when the cluster still has one of them
 */
export async function verifyRollOut(
  run: AccessKeyRun,
  { outgoing }: Pick<Rotation, 'outgoing'>,
  hint: string,
): Promise<readonly MemberFailure[]> {
  // What was synced before, by an operator that has stopped, says nothing about the new key.
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
    what: `could not bring the new access key to Secret ${namespace}/${keySecretName}`,
    why: id === undefined ? 'it holds none' : `it still holds ${id}`,
    hint,
  });
}
