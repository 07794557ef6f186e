import { fullName } from '../../clients/kubernetes/names.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { operatorNamespace } from '../../core/ownership.ts';
import { pullSecretsOf, readUsers } from '../../cluster/pull-secret-users.ts';
import { observeServiceAccounts } from '../../cluster/service-accounts/covered.ts';

/** What uses the pull secret of this earlier name, and not the current one. */
export async function usersOf(name: string, ctx: ExternalSecretsContext): Promise<readonly string[]> {
  const current = ctx.config.pullSecret.name;
  const isUser = (pullSecrets: readonly string[]): boolean =>
    pullSecrets.includes(name) && !pullSecrets.includes(current);
  const [users, accounts, { covered }] = await Promise.all([
    readUsers(ctx),
    ctx.inventory.serviceAccounts(),
    observeServiceAccounts(ctx),
  ]);
  const updated = new Set(covered.map(({ metadata }) => fullName(metadata)));
  return [
    // An earlier step of `up` adds the current name to these service accounts.
    ...accounts
      .filter((account) => pullSecretsOf(account).includes(name) && !updated.has(fullName(account.metadata)))
      .map(({ metadata }) => `ServiceAccount ${fullName(metadata)}`),
    ...users
      .filter((user) => !user.byAccount && isUser(user.pullSecrets) && !isReplaced(user.name, ctx))
      .map((user) => user.name),
  ];
}

/** The operator's pods; `up` rolls them out with the current name. */
const isReplaced = (user: string, { config }: ExternalSecretsContext): boolean =>
  config.externalSecrets.install && user.startsWith(`Pod ${operatorNamespace}/external-secrets`);
