import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import { ignoreLabel } from '../../core/ownership.ts';
import type { ClusterContext } from '../context.ts';
import { optsOut } from '../inventory.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import { withExcludeHint } from './changes.ts';
import { pullSecretRefusal } from './list.ts';

/** Before the first `up` no service account lists the pull secret, and checking all of them would load the cluster. */
const maxChecked = 50;

/** Reports service accounts that `up` could not change. */
export async function refusalFindings(
  covered: readonly KubeObject[],
  ctx: ClusterContext,
): Promise<Finding[]> {
  const { cluster, config } = ctx;
  const missing = covered.filter((account) => !pullSecretsOf(account).includes(config.pullSecret.name));
  if (missing.length === 0 || missing.length > maxChecked) return [];
  // For a user without write permission, a refusal has no meaning.
  if (!(await cluster.allowed({ verb: 'patch', group: '', resource: 'serviceaccounts' }))) return [];
  const found = await Promise.all(
    missing.map(async (account): Promise<Finding[]> => {
      const target = targetOf(refOf(account));
      const refusal = await pullSecretRefusal(account, ctx);
      if (!refusal) return [];
      const { what, why, hint } = withExcludeHint(refusal, target.name);
      return [finding('change-rejected', { target, what, why, hint })];
    }),
  );
  return found.flat();
}

export function ignoredAccountFinding(account: KubeObject, pullSecret: string): Finding {
  const target = targetOf(refOf(account));
  const isListed = pullSecretsOf(account).includes(pullSecret);
  return finding('namespace-ignored', {
    target,
    what: `${nameOf(target)} is excluded`,
    why: `${optsOut(account) ? `its label ${ignoreLabel}` : 'the configuration excludes it'}${isListed ? `; it still lists ${pullSecret}` : ''}`,
    hint: isListed
      ? `Nothing to do; \`ecr-bootstrap down\` removes ${pullSecret} from it. Or edit it: kubectl -n ${account.metadata.namespace} edit serviceaccount ${account.metadata.name}`
      : 'Nothing to do.',
  });
}
