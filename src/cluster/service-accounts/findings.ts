import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/members.ts';
import { ignoreLabel } from '../../core/ownership.ts';
import type { ClusterContext } from '../context.ts';
import { optsOut } from '../inventory.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import { withExcludeHint } from './changes.ts';
import { refusalOf } from './list.ts';

/** Before the first `up` every service account lacks the pull secret, and trying them all would be work for the cluster. */
const maxAttempts = 50;

/** What `up` would report of service accounts that it cannot change. */
export async function refusalFindings(
  covered: readonly KubeObject[],
  ctx: ClusterContext,
): Promise<Finding[]> {
  const { cluster, config } = ctx;
  const missing = covered.filter((account) => !pullSecretsOf(account).includes(config.pullSecret.name));
  if (missing.length === 0 || missing.length > maxAttempts) return [];
  // A user who may only look learns nothing from a refusal.
  if (!(await cluster.allowed({ verb: 'patch', group: '', resource: 'serviceaccounts' }))) return [];
  const found = await Promise.all(
    missing.map(async (account): Promise<Finding[]> => {
      const target = targetOf(refOf(account));
      const refusal = await refusalOf(account, ctx);
      if (!refusal) return [];
      const { what, why, hint } = withExcludeHint(refusal, target.name);
      return [finding('change-refused', { target, what, why, hint })];
    }),
  );
  return found.flat();
}

export function ignoredAccountFinding(account: KubeObject, pullSecret: string): Finding {
  const target = targetOf(refOf(account));
  const isNamed = pullSecretsOf(account).includes(pullSecret);
  return finding('namespace-ignored', {
    target,
    what: `${nameOf(target)} is left alone`,
    why: `${optsOut(account) ? `its label ${ignoreLabel}` : 'the configuration excludes it'}${isNamed ? `; it still names ${pullSecret}` : ''}`,
    hint: isNamed
      ? `Nothing to do: ecr-bootstrap down removes ${pullSecret} from it. Or edit it: kubectl -n ${account.metadata.namespace} edit serviceaccount ${account.metadata.name}`
      : 'Nothing to do.',
  });
}
