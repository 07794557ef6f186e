import { ClusterRefusal } from '../../cluster/errors.ts';
import { refOf } from '../../cluster/names.ts';
import type { JsonPatchOperation, KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import type { Context } from '../context.ts';

/** Times that somebody else may be quicker before it is given up. */
const attempts = 5;

/** Names in the list, in its order. */
export function pullSecretsOf(account: KubeObject): readonly string[] {
  const list = (account['imagePullSecrets'] ?? []) as readonly { readonly name?: string }[];
  return list.flatMap(({ name }) => (name ? [name] : []));
}

/**
 * Appends the pull secret to the list as it is, or fails with a conflict and looks again: the list is atomic, so a
 * merge or apply patch would drop the entries of others.
 * @returns a detail worth showing
 */
export async function addPullSecret(
  account: KubeObject,
  { cluster, config }: Context,
): Promise<string | undefined> {
  const { name } = config.pullSecret;
  let current: KubeObject | undefined = account;
  for (let attempt = 1; ; attempt += 1) {
    if (!current) return 'is gone';
    if (pullSecretsOf(current).includes(name)) return undefined;
    try {
      await cluster.patch(refOf(current), appending(current, name));
      return undefined;
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      const seen = await cluster.get(refOf(account));
      const conflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
      if (seen && (!conflict || attempt === attempts)) throw error;
      current = seen;
    }
  }
}

function appending(account: KubeObject, name: string): readonly JsonPatchOperation[] {
  const { resourceVersion } = account.metadata;
  const isThere = Array.isArray(account['imagePullSecrets']);
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    isThere
      ? { op: 'add', path: '/imagePullSecrets/-', value: { name } }
      : { op: 'add', path: '/imagePullSecrets', value: [{ name }] },
  ];
}
