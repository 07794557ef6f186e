import { BootstrapError } from '../../errors/index.ts';
import type { Run } from '../context.ts';
import { operatorNamespace as namespace } from '../ownership.ts';
import { keyInCluster } from '../pull-secret-seed/key-in-cluster.ts';
import { keySecretName } from '../pull-secret-seed/objects.ts';
import { proveEveryLevel } from '../pull-secret-seed/prove-levels.ts';
import type { Rotation } from './state.ts';

/**
 * Waits until the cluster has the new key, and every namespace a token that was issued with it.
 * @param outgoing the keys that it takes the place of; where there are none, nothing is to be proved
 * @param hint what to do when the cluster still has one of them
 */
export async function proveTakenOver(
  run: Run,
  { outgoing }: Pick<Rotation, 'outgoing'>,
  hint: string,
): Promise<void> {
  if (outgoing.length === 0) return;
  await proveEveryLevel(run);
  const id = await keyInCluster(run.ctx.cluster);
  if (id !== undefined && !outgoing.some((key) => key.id === id)) return;
  throw new BootstrapError({
    code: 'not-ready',
    what: `wait for Secret ${namespace}/${keySecretName} to hold the new access key`,
    why: id === undefined ? 'it holds none' : `it holds ${id}, which is to be replaced`,
    hint,
  });
}
