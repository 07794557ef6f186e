import { refOf, targetOf } from '../../cluster/names.ts';
import type { KubeObject } from '../../cluster/port.ts';
import { matchesAny } from '../../inventory/globs.ts';
import { optsOut } from '../../inventory/ignore.ts';
import type { Context } from '../context.ts';
import { observeCoverage } from '../coverage.ts';
import { operatorNamespace } from '../ownership.ts';

export interface ServiceAccountsState {
  /** All that are to name the pull secret. */
  readonly covered: readonly KubeObject[];
  /** Left alone by their label or the configuration. */
  readonly ignored: readonly KubeObject[];
}

export async function observeServiceAccounts(ctx: Context): Promise<ServiceAccountsState> {
  const [{ covered }, accounts] = await Promise.all([observeCoverage(ctx), ctx.inventory.serviceAccounts()]);
  const namespaces = new Set([operatorNamespace, ...covered.map(({ name }) => name)]);
  const excluded = matchesAny(ctx.config.serviceAccounts.exclude);
  const isIgnored = (account: KubeObject): boolean =>
    optsOut(account) || excluded(targetOf(refOf(account)).name);
  const inside = accounts.filter(({ metadata }) => namespaces.has(metadata.namespace ?? ''));
  return {
    covered: inside.filter((account) => !isIgnored(account)),
    ignored: inside.filter(isIgnored),
  };
}
