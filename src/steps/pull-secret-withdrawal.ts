import { fullName, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { inOrder, inParallel, nameOf, tolerating } from '../core/members.ts';
import type { Change, Outcome } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import type { Run, Step } from './context.ts';
import { coverageRights } from '../cluster/coverage.ts';
import { type EarlierPullSecret, earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import { deleteObserved, alsoDeleting } from '../cluster/objects.ts';
import { observeCopies, whyNotServing } from '../external-secrets/copies/copies.ts';
import { readerRole, renewalObjects } from '../external-secrets/renewal.ts';
import { listed, pullSecretsOf } from '../cluster/pull-secret-users.ts';
import { removePullSecrets } from '../cluster/service-accounts/list.ts';
import { syncFinding, syncOf } from '../external-secrets/sync.ts';
import { tokenFinding } from '../external-secrets/tokens.ts';
import { usersOf } from '../external-secrets/pull-secret/users.ts';
import { finding } from '../core/findings.ts';

export interface WithdrawalState {
  readonly earlier: readonly Earlier[];
}

interface Earlier extends EarlierPullSecret {
  /** What pulls with it and with no pull secret of today's name. */
  readonly users: readonly string[];
  /** Service accounts that name it. */
  readonly accounts: readonly KubeObject[];
}

/** Patches under way at once. */
const concurrency = 16;

/**
 * Deletes pull secrets of earlier names once nothing uses them. Until then they are renewed and copied as before:
 * a pod keeps the names of the pull secrets that it was created with.
 */
export const pullSecretWithdrawal: Step<WithdrawalState> = {
  id: 'pull-secret-withdrawal',
  title: 'pull secrets of earlier names',
  needs: ['cluster'],
  rights: [
    ...coverageRights,
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'delete'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['get', 'list', 'delete'],
    },
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['patch'] },
  ],

  async observe(ctx) {
    const earlier = await earlierPullSecrets(ctx);
    if (earlier.length === 0) return { earlier: [] };
    const accounts = await ctx.inventory.serviceAccounts();
    return {
      earlier: await Promise.all(
        earlier.map(async (one) => ({
          ...one,
          users: await usersOf(one.name, ctx),
          accounts: accounts.filter((account) => pullSecretsOf(account).includes(one.name)),
        })),
      ),
    };
  },

  diff({ earlier }, { config }) {
    const { name } = config.pullSecret;
    const used = earlier.filter(({ users }) => users.length > 0);
    const unused = earlier.filter(({ users }) => users.length === 0);
    return {
      changes: unused.length > 0 ? withdrawals(unused, used, name) : [],
      findings: used.map((one) => inUse(one, name)),
    };
  },

  async apply(changes, { earlier }, run) {
    const why = await whyNeeded(earlier, run);
    if (why !== undefined) {
      run.emit({ type: 'note', text: `pull secrets of earlier names stay: ${why}` });
      return changes.map((change): Outcome => ({ change, result: 'skipped' }));
    }
    const [ofAccounts, others] = [changes.filter(isOfAccount), changes.filter((one) => !isOfAccount(one))];
    const withdrawn = tolerating(await withdrawNames(ofAccounts, earlier, run));
    if (withdrawn.some(({ result }) => result !== 'done')) {
      return [...withdrawn, ...others.map((change): Outcome => ({ change, result: 'skipped' }))];
    }
    return [...withdrawn, ...tolerating(await deleteObjects(others, earlier, run))];
  },

  async health({ earlier }, ctx) {
    const findings = await Promise.all(
      earlier.map(async ({ name, objects }) => {
        const secret = objects.find(({ kind }) => kind === 'Secret');
        const sources = (await ctx.inventory.externalSecrets()).filter(
          ({ metadata }) => metadata.name === name,
        );
        const failing = sources.filter((source) => syncOf(source, []).state === 'failing');
        const warnings = failing.length > 0 ? await ctx.inventory.warnings() : [];
        return [
          ...(secret ? [tokenFinding(secret, ctx.clock.now())] : []),
          ...failing.flatMap((source) => syncFinding(source, syncOf(source, warnings))),
        ];
      }),
    );
    return findings.flat();
  },
};

/** First the names in service accounts, then the objects, last the right to read them. */
function withdrawals(unused: readonly Earlier[], used: readonly Earlier[], current: string): Change[] {
  const gone = new Set(unused.map(({ name }) => name));
  const accounts = new Map(
    unused.flatMap((one) => one.accounts.map((account) => [fullName(account.metadata), account] as const)),
  );
  const reason = `nothing uses it since pullSecret.name is ${current}`;
  const postponable = true;
  const role: Change = {
    action: 'update',
    target: targetOf(readerRole),
    fields: [
      {
        path: 'rules[0].resourceNames',
        from: [current, ...[...unused, ...used].map(({ name }) => name).sort()],
        to: [current, ...used.map(({ name }) => name)],
      },
    ],
    grants: true,
    postponable,
  };
  return [
    ...[...accounts.values()].map((account): Change => {
      const names = pullSecretsOf(account);
      const from = names.includes(current) ? names : [...names, current];
      const field = { path: 'imagePullSecrets', from, to: from.filter((name) => !gone.has(name)) };
      return { action: 'update', target: targetOf(refOf(account)), fields: [field], postponable };
    }),
    ...unused.flatMap(({ objects }) =>
      objects.map((object): Change => ({
        action: 'delete',
        target: targetOf(refOf(object)),
        fields: [],
        reason,
        postponable,
      })),
    ),
    role,
  ];
}

const inUse = ({ name, users }: Earlier, current: string): Finding =>
  finding('pull-secret-earlier', {
    target: { kind: 'ClusterExternalSecret', name },
    what: `pull secret ${name} is still in use, although pullSecret.name is ${current} now`,
    why: `it stays and is renewed while these list it and not ${current}: ${listed(users)}`,
    hint: `Recreate the pods (kubectl rollout restart), and write ${current} where a pod template or an excluded service account names ${name}. Then run ecr-bootstrap up, which deletes ${name}.`,
  });

/** The steps before this one may have failed for one namespace or service account. */
async function whyNeeded(earlier: readonly Earlier[], { ctx }: Run): Promise<string | undefined> {
  const { name } = ctx.config.pullSecret;
  const lacking = earlier
    .flatMap(({ accounts }) => accounts)
    .find((account) => !pullSecretsOf(account).includes(name));
  if (lacking) return `ServiceAccount ${fullName(lacking.metadata)} does not name ${name} yet`;
  const { copies } = await observeCopies(ctx);
  for (const copy of copies) {
    const why = whyNotServing(copy, ctx.clock.now());
    if (why !== undefined) return `namespace ${copy.namespace} has no ${name} yet: ${why}`;
  }
  return undefined;
}

const isOfAccount = ({ target }: Change): boolean => target.kind === 'ServiceAccount';

function withdrawNames(
  changes: readonly Change[],
  earlier: readonly Earlier[],
  run: Run,
): Promise<Outcome[]> {
  const accounts = new Map(
    earlier.flatMap((one) => one.accounts.map((account) => [fullName(account.metadata), account] as const)),
  );
  return inParallel(concurrency, changes, run, async ({ target, fields }) => {
    const account = accounts.get(target.name);
    if (!account) throw new Error(`${nameOf(target)} was not observed`);
    const [field] = fields;
    const kept = (field?.to ?? []) as readonly string[];
    const names = ((field?.from ?? []) as readonly string[]).filter((name) => !kept.includes(name));
    return removePullSecrets(account, names, run.ctx);
  });
}

function deleteObjects(
  changes: readonly Change[],
  earlier: readonly Earlier[],
  run: Run,
): Promise<Outcome[]> {
  const found = earlier.flatMap(({ objects }) => objects);
  const state = alsoDeleting({ wanted: [], unwanted: [], observed: new Map() }, found);
  const byName = new Map(found.map((object) => [nameOf(targetOf(refOf(object))), refOf(object)]));
  return inOrder(changes, run, async ({ target }) => {
    const ref = byName.get(nameOf(target));
    if (ref) return deleteObserved(ref, state, run);
    const role = (await renewalObjects(run.ctx.fresh())).find(({ kind }) => kind === readerRole.kind);
    if (role) await run.ctx.cluster.apply(role);
  });
}
