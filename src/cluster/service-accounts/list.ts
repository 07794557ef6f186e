import { isConflict } from '../../clients/kubernetes/errors.ts';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { JsonPatchOperation, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isTolerable } from '../../core/members.ts';
import type { ClusterContext } from '../context.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';

/** Other clients can change the list at the same time. */
const maxAttempts = 5;

/**
 * Appends the pull secret to the current list, and reads it again after a conflict. The list is atomic, so a merge or apply
 * patch would remove other entries.
 * @returns a detail to print, if any
 */
export const addPullSecret = (account: KubeObject, ctx: ClusterContext): Promise<string | undefined> =>
  patchList(account, ctx, (current) =>
    pullSecretsOf(current).includes(ctx.config.pullSecret.name)
      ? undefined
      : appending(current, ctx.config.pullSecret.name),
  );

/**
 * Finds out by a dry run why the API server rejects the pull secret in a list; undefined when it accepts it, or when this
 * is unknown.
 */
export async function pullSecretRefusal(
  account: KubeObject,
  { cluster, config }: ClusterContext,
): Promise<BootstrapError | undefined> {
  try {
    await cluster.patch(refOf(account), appending(account, config.pullSecret.name), { dryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return isConflict(error) || !isTolerable(error) || !(await cluster.get(refOf(account)))
      ? undefined
      : error;
  }
}

/** Removes these names from the list and keeps all others. */
export const removePullSecrets = (
  account: KubeObject,
  names: readonly string[],
  ctx: ClusterContext,
): Promise<string | undefined> =>
  patchList(account, ctx, (current) =>
    pullSecretsOf(current).some((name) => names.includes(name)) ? removing(current, names) : undefined,
  );

type Patch = readonly JsonPatchOperation[];

/** @param patchFor returns the patch that is still needed, if any */
async function patchList(
  account: KubeObject,
  { cluster, clock }: ClusterContext,
  patchFor: (current: KubeObject) => Patch | undefined,
): Promise<string | undefined> {
  let current: KubeObject | undefined = account;
  for (let attempt = 1; ; attempt += 1) {
    if (!current) return 'no longer exists';
    const patch = patchFor(current);
    if (!patch) return undefined;
    try {
      current = await cluster.patch(refOf(current), patch);
      if (!patchFor(current)) return undefined;
      // A deleted admission policy stays in effect for a moment.
      await clock.sleep(1000);
      if (attempt < maxAttempts) continue;
      return 'another client restores the entry';
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      const latest = await cluster.get(refOf(account));
      // The patch can have taken effect although its response was lost.
      const isPending = latest !== undefined && patchFor(latest) !== undefined;
      if (isPending && (!isConflict(error) || attempt === maxAttempts)) throw error;
      current = latest;
    }
  }
}

/** Removes the list when no entry is left. */
function removing(account: KubeObject, names: readonly string[]): Patch {
  const list = account['imagePullSecrets'] as readonly { readonly name?: string }[];
  const kept = list.filter(({ name = '' }) => !names.includes(name));
  const path = '/imagePullSecrets';
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: account.metadata.resourceVersion },
    kept.length > 0 ? { op: 'replace', path, value: kept } : { op: 'remove', path },
  ];
}

function appending(account: KubeObject, name: string): Patch {
  const { resourceVersion } = account.metadata;
  const hasList = Array.isArray(account['imagePullSecrets']);
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    hasList
      ? { op: 'add', path: '/imagePullSecrets/-', value: { name } }
      : { op: 'add', path: '/imagePullSecrets', value: [{ name }] },
  ];
}
