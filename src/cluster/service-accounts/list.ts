import { ClusterRefusal } from '../../clients/kubernetes/errors.ts';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { JsonPatchOperation, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isTolerable } from '../../core/members.ts';
import type { ClusterContext } from '../context.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';

/** Times that somebody else may be quicker before it is given up. */
const attempts = 5;

/**
 * Appends the pull secret to the list as it is, or fails with a conflict and looks again: the list is atomic, so a
 * merge or apply patch would drop the entries of others.
 * @returns a detail worth showing
 */
export const addPullSecret = (account: KubeObject, ctx: ClusterContext): Promise<string | undefined> =>
  patchList(account, ctx, (current) =>
    pullSecretsOf(current).includes(ctx.config.pullSecret.name)
      ? undefined
      : appending(current, ctx.config.pullSecret.name),
  );

/**
 * Why the API server would refuse the pull secret in a list; undefined when it would not, or when that is not known.
 * Asked by a dry run, which stores nothing.
 */
export async function refusalOf(
  account: KubeObject,
  { cluster, config }: ClusterContext,
): Promise<BootstrapError | undefined> {
  try {
    await cluster.patch(refOf(account), appending(account, config.pullSecret.name), { dryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    const isConflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
    return isConflict || !isTolerable(error) || !(await cluster.get(refOf(account))) ? undefined : error;
  }
}

/** Removes these names from the list and leaves those of others. */
export const removePullSecrets = (
  account: KubeObject,
  names: readonly string[],
  ctx: ClusterContext,
): Promise<string | undefined> =>
  patchList(account, ctx, (current) =>
    pullSecretsOf(current).some((name) => names.includes(name)) ? withdrawing(current, names) : undefined,
  );

type Patch = readonly JsonPatchOperation[];

/** @param patchFor what is still to be done; undefined when nothing is */
async function patchList(
  account: KubeObject,
  { cluster, clock }: ClusterContext,
  patchFor: (current: KubeObject) => Patch | undefined,
): Promise<string | undefined> {
  let current: KubeObject | undefined = account;
  for (let attempt = 1; ; attempt += 1) {
    if (!current) return 'is gone';
    const patch = patchFor(current);
    if (!patch) return undefined;
    try {
      current = await cluster.patch(refOf(current), patch);
      if (!patchFor(current)) return undefined;
      // An admission policy that was just deleted is in force for another moment.
      await clock.sleep(1000);
      if (attempt < attempts) continue;
      return 'is changed back by something else';
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      const seen = await cluster.get(refOf(account));
      const conflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
      // Nothing is left to do when the patch took effect and only its answer was lost.
      const isLeft = seen !== undefined && patchFor(seen) !== undefined;
      if (isLeft && (!conflict || attempt === attempts)) throw error;
      current = seen;
    }
  }
}

/** A list that holds nothing else is removed too. */
function withdrawing(account: KubeObject, names: readonly string[]): Patch {
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
  const isThere = Array.isArray(account['imagePullSecrets']);
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    isThere
      ? { op: 'add', path: '/imagePullSecrets/-', value: { name } }
      : { op: 'add', path: '/imagePullSecrets', value: [{ name }] },
  ];
}
