import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { inParallel, nameOf, tolerating } from '../../core/members.ts';
import type { Change, Field, Outcome } from '../../core/step.ts';
import type { ClusterRun } from '../context.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import type { ObsoleteEntries, ServiceAccountsState } from './covered.ts';
import { addPullSecret, removePullSecrets } from './list.ts';

/** Concurrent patches. */
const concurrency = 16;

/** One change for each service account that does not list the pull secret. */
export const additions = (accounts: readonly KubeObject[], pullSecret: string): Change[] =>
  accounts.flatMap((account) => addition(account, pullSecret));

function addition(account: KubeObject, name: string): Change[] {
  const names = pullSecretsOf(account);
  if (names.includes(name)) return [];
  const field = {
    path: 'imagePullSecrets',
    ...(names.length > 0 ? { from: names } : {}),
    to: [...names, name],
  };
  return [{ action: 'update', target: targetOf(refOf(account)), fields: [field] }];
}

export function removal({ account, names }: ObsoleteEntries): Change {
  const before = pullSecretsOf(account);
  const field = {
    path: 'imagePullSecrets',
    from: before,
    to: before.filter((name) => !names.includes(name)),
  };
  return { action: 'update', target: targetOf(refOf(account)), fields: [field] };
}

/** Patches the service accounts. A failure of one does not stop the others. */
export async function applyEntries(
  changes: readonly Change[],
  { covered, obsolete }: ServiceAccountsState,
  run: ClusterRun,
): Promise<Outcome[]> {
  const all = [...covered, ...obsolete.map(({ account }) => account)];
  const accounts = new Map(all.map((account) => [targetOf(refOf(account)).name, account]));
  const outcomes = await inParallel(concurrency, changes, run, async ({ target, fields }) => {
    const account = accounts.get(target.name);
    if (!account) throw new Error(`${nameOf(target)} was not observed`);
    const names = fields.flatMap(removedNames);
    if (names.length > 0) return removePullSecrets(account, names, run.ctx);
    try {
      return await addPullSecret(account, run.ctx);
    } catch (error) {
      throw error instanceof BootstrapError ? withExcludeHint(error, target.name) : error;
    }
  });
  return tolerating(outcomes);
}

const removedNames = ({ from, to }: Field): string[] =>
  (Array.isArray(from) ? (from as readonly string[]) : []).filter(
    (name) => !(to as readonly string[]).includes(name),
  );

/** Adds to the hint how to exclude a service account that cannot be changed. */
export function withExcludeHint(error: BootstrapError, name: string): BootstrapError {
  if (!/^cluster-(failed|denied)$/.test(error.code)) return error;
  const { code, what, why, hint } = error;
  const exclude = `Or exclude the service account: add "- ${name}" to serviceAccounts.exclude.`;
  return new BootstrapError(
    { code, what, why, hint: `${hint.replace(/\.?$/, '.')} ${exclude}` },
    { cause: error },
  );
}
