import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { optsOut } from '../cluster/inventory.ts';
import { ignoreLabel } from '../core/ownership.ts';
import { BootstrapError } from '../core/errors.ts';
import { inParallel, nameOf, tolerating } from '../core/members.ts';
import type { Change, Field } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import type { Context, Step } from './context.ts';
import {
  observeEntries,
  observeServiceAccounts,
  type ObsoleteEntries,
  type ServiceAccountsState,
} from '../cluster/service-accounts/covered.ts';
import { pullSecretsOf } from '../cluster/pull-secret-users.ts';
import { addPullSecret, refusalOf, removePullSecrets } from '../cluster/service-accounts/list.ts';
import { pullFindings } from '../cluster/service-accounts/pulls.ts';
import { finding } from '../core/findings.ts';

/** Patches under way at once. */
const concurrency = 16;

/** Makes every service account name the pull secret, so that pods use it without saying so. */
export const serviceAccounts: Step<ServiceAccountsState> = {
  id: 'service-accounts',
  title: 'service accounts that use the pull secret',
  needs: ['cluster'],
  rights: [
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'list', 'patch'] },
    { apiGroups: [''], resources: ['namespaces', 'pods', 'events'], verbs: ['list'] },
  ],
  removalRights: [
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['list'],
    },
  ],
  observe: observeServiceAccounts,
  diff: ({ covered }, { config }) => ({
    changes: covered.flatMap((account) => missingEntry(account, config.pullSecret.name)),
    findings: [],
  }),
  async apply(changes, { covered, obsolete }, run) {
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
        throw error instanceof BootstrapError ? withRemedy(error, target.name) : error;
      }
    });
    return tolerating(outcomes);
  },
  observeRemoval: observeEntries,
  remove: ({ obsolete }) => ({ changes: obsolete.map(withdrawal), findings: [] }),
  health: async ({ covered, ignored }, ctx) => [
    ...(await refusalFindings(covered, ctx)),
    ...(await pullFindings(ctx)),
    ...ignored.map((account) => ignoredFinding(account, ctx.config.pullSecret.name)),
  ],
};

/** Before the first `up` every service account lacks the pull secret, and trying them all would be work for the cluster. */
const maxAttempts = 50;

/** What `up` would report of service accounts that it cannot change. */
async function refusalFindings(covered: readonly KubeObject[], ctx: Context): Promise<Finding[]> {
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
      const { what, why, hint } = withRemedy(refusal, target.name);
      return [finding('change-refused', { target, what, why, hint })];
    }),
  );
  return found.flat();
}

/** A service account that cannot be changed can be left out. */
function withRemedy(error: BootstrapError, name: string): BootstrapError {
  if (!/^cluster-(failed|denied)$/.test(error.code)) return error;
  const { code, what, why, hint } = error;
  const leaveOut = `Or leave the service account out: add "- ${name}" to serviceAccounts.exclude.`;
  return new BootstrapError(
    { code, what, why, hint: `${hint.replace(/\.?$/, '.')} ${leaveOut}` },
    { cause: error },
  );
}

function missingEntry(account: KubeObject, name: string): Change[] {
  const names = pullSecretsOf(account);
  if (names.includes(name)) return [];
  const field = {
    path: 'imagePullSecrets',
    ...(names.length > 0 ? { from: names } : {}),
    to: [...names, name],
  };
  return [{ action: 'update', target: targetOf(refOf(account)), fields: [field] }];
}

function withdrawal({ account, names }: ObsoleteEntries): Change {
  const before = pullSecretsOf(account);
  const field = {
    path: 'imagePullSecrets',
    from: before,
    to: before.filter((name) => !names.includes(name)),
  };
  return { action: 'update', target: targetOf(refOf(account)), fields: [field] };
}

const removedNames = ({ from, to }: Field): string[] =>
  (Array.isArray(from) ? (from as readonly string[]) : []).filter(
    (name) => !(to as readonly string[]).includes(name),
  );

function ignoredFinding(account: KubeObject, pullSecret: string): Finding {
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
