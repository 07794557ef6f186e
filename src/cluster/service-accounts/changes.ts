import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { inParallel, tolerating } from '../../core/members.ts';
import type { ChangeWith, Field, Outcome, Preview } from '../../core/step.ts';
import type { ClusterRun } from '../context.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import type { ObsoleteEntries } from './covered.ts';
import { addPullSecret, removePullSecrets } from './list.ts';

/** Concurrent patches. */
const concurrency = 16;

/** The account and the pull secret to add to its list, or the names to remove from it. */
type EntryPayload = { readonly account: KubeObject } & (
  { readonly does: 'add' } | { readonly does: 'remove'; readonly names: readonly string[] }
);

export type EntryChange = ChangeWith<EntryPayload>;

/** One change for each service account that does not list the pull secret. */
export function additions(accounts: readonly KubeObject[], pullSecret: string): EntryChange[] {
  return accounts.flatMap((account): EntryChange[] => {
    const names = pullSecretsOf(account);
    if (names.includes(pullSecret)) return [];
    const before = names.length > 0 ? { from: names } : {};
    const field = { path: 'imagePullSecrets', ...before, to: [...names, pullSecret] };
    const target = targetOf(refOf(account));
    return [{ action: 'update', target, fields: [field], payload: { does: 'add', account } }];
  });
}

export function removal({ account, names }: ObsoleteEntries): EntryChange {
  const before = pullSecretsOf(account);
  const to = before.filter((name) => !names.includes(name));
  const field = { path: 'imagePullSecrets', from: before, to };
  const target = targetOf(refOf(account));
  return { action: 'update', target, fields: [field], payload: { does: 'remove', account, names } };
}

const isList = (value: Field['to']): value is readonly string[] => Array.isArray(value);

/** The list of pull secrets before and after the change. */
export function previewEntries({ payload: { account }, fields }: EntryChange): Preview {
  const { name, namespace } = account.metadata;
  const { from, to } = fields.find(({ path }) => path === 'imagePullSecrets') ?? {};
  const withEntries = (names: Field['to']): object => ({
    ...{ apiVersion: account.apiVersion, kind: account.kind, metadata: { name, namespace } },
    ...(isList(names) ? { imagePullSecrets: names.map((each) => ({ name: each })) } : {}),
  });
  return { format: 'yaml', before: withEntries(from), after: withEntries(to) };
}

/** Patches the service accounts. A failure of one does not stop the others. */
export async function applyEntries(changes: readonly EntryChange[], run: ClusterRun): Promise<Outcome[]> {
  const outcomes = await inParallel(concurrency, changes, run, async ({ payload, target }) => {
    if (payload.does === 'remove') return removePullSecrets(payload.account, payload.names, run.ctx);
    try {
      return await addPullSecret(payload.account, run.ctx);
    } catch (error) {
      throw error instanceof BootstrapError ? withExcludeHint(error, target.name) : error;
    }
  });
  return tolerating(outcomes);
}

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
