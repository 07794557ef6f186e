import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { matchesAny } from '../../core/globs.ts';
import { optsOut } from '../inventory.ts';
import type { ClusterContext } from '../context.ts';
import { observeCoverage, unmanagedIn } from '../coverage.ts';
import { earlierPullSecrets } from '../earlier-pull-secrets.ts';
import { isManaged } from '../objects.ts';
import { nodeNamespace, operatorNamespace } from '../../core/ownership.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';

export interface ServiceAccountsState {
  /** All that should list the pull secret. */
  readonly covered: readonly KubeObject[];
  /** Excluded by label or configuration; in excluded namespaces only those that list the pull secret. */
  readonly ignored: readonly KubeObject[];
  /** Pull secrets that `down` removes from service accounts. */
  readonly obsolete: readonly ObsoleteEntries[];
}

export interface ObsoleteEntries {
  readonly account: KubeObject;
  readonly names: readonly string[];
}

export async function observeServiceAccounts(ctx: ClusterContext): Promise<ServiceAccountsState> {
  const [{ covered, ignored }, accounts] = await Promise.all([
    observeCoverage(ctx),
    ctx.inventory.serviceAccounts(),
  ]);
  const { name: pullSecret } = ctx.config.pullSecret;
  const left = new Set(ignored.map(({ name }) => name));
  const namespaces = new Set([operatorNamespace, ...covered.map(({ name }) => name)]);
  // The agent lists the pull secret itself, and its namespace is created after this step.
  namespaces.delete(nodeNamespace);
  const excluded = matchesAny(ctx.config.serviceAccounts.exclude);
  const isIgnored = (account: KubeObject): boolean =>
    optsOut(account) || excluded(targetOf(refOf(account)).name);
  const inside = accounts.filter(({ metadata }) => namespaces.has(metadata.namespace ?? ''));
  return {
    covered: inside.filter((account) => !isIgnored(account)),
    ignored: [
      ...inside.filter(isIgnored),
      ...accounts.filter(
        (account) =>
          left.has(account.metadata.namespace ?? '') && pullSecretsOf(account).includes(pullSecret),
      ),
    ],
    obsolete: [],
  };
}

/**
 * Every entry that `up` can have written with any configuration: also earlier names, and in namespaces and service
 * accounts that are excluded now. The operator's service accounts are deleted as a whole. The name of an unmanaged Secret
 * of the namespace stays.
 */
export async function observeEntries(ctx: ClusterContext): Promise<ServiceAccountsState> {
  const { cluster, config, inventory } = ctx;
  const [accounts, earlier, externalSecrets] = await Promise.all([
    inventory.serviceAccounts(),
    earlierPullSecrets(ctx),
    inventory.externalSecrets(),
  ]);
  const names = [config.pullSecret.name, ...earlier.map(({ name }) => name)];
  const unmanaged = new Map(
    await Promise.all(
      names.map(async (name) => {
        const options = { fieldSelector: `metadata.name=${name}`, metadataOnly: true };
        const secrets = await cluster.list({ apiVersion: 'v1', kind: 'Secret' }, options);
        return [name, unmanagedIn(secrets, externalSecrets, name)] as const;
      }),
    ),
  );
  const obsolete = accounts
    .filter((account) => !isManaged(account) && account.metadata.namespace !== nodeNamespace)
    .map((account) => ({
      account,
      names: pullSecretsOf(account).filter(
        (name) => unmanaged.has(name) && !unmanaged.get(name)?.has(account.metadata.namespace ?? ''),
      ),
    }))
    .filter((entries) => entries.names.length > 0);
  return { covered: [], ignored: [], obsolete };
}
