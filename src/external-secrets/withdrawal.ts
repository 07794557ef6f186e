import { type EarlierPullSecret, earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import { deleteObserved } from '../cluster/objects.ts';
import { joinNames, pullSecretsOf, readUsers } from '../cluster/pull-secret-users.ts';
import { removePullSecrets } from '../cluster/service-accounts/list.ts';
import { fullName, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { type Finding, finding } from '../core/findings.ts';
import { inOrder, inParallel, skipped, tolerating } from '../core/members.ts';
import type { ChangeWith, Diff, Outcome } from '../core/step.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from './context.ts';
import { observeCopies, whyNotServing } from './copies/copies.ts';
import { readerRole, renewalObjects } from './renewal.ts';
import { syncFindings } from './sync.ts';
import { tokenFinding } from './tokens.ts';
import { nodeAccessName, nodeNamespace, operatorNamespace } from '../core/ownership.ts';
import { observeServiceAccounts } from '../cluster/service-accounts/covered.ts';

/** A pull secret of an earlier name, and what depends on it. */
interface Earlier extends EarlierPullSecret {
  /** Pods and service accounts that pull with it and with no pull secret of the current name. */
  readonly users: readonly string[];
  /** Service accounts that list it. */
  readonly accounts: readonly KubeObject[];
}

export interface WithdrawalState {
  readonly earlier: readonly Earlier[];
}

type WithdrawalWork =
  /** Removes names from the list of a service account. */
  | { readonly does: 'removeNames'; readonly account: KubeObject; readonly names: readonly string[] }
  | { readonly does: 'deleteObject'; readonly object: KubeObject }
  /** The role that lets the operator read the pull secrets gets the remaining names. */
  | { readonly does: 'updateRole' };

export type WithdrawalChange = ChangeWith<WithdrawalWork>;

/** Concurrent patches. */
const concurrency = 16;

export async function observeWithdrawal(ctx: ExternalSecretsContext): Promise<WithdrawalState> {
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
}

export function diffWithdrawal(
  { earlier }: WithdrawalState,
  { config }: ExternalSecretsContext,
): Diff<WithdrawalChange> {
  const { name } = config.pullSecret;
  const used = earlier.filter(({ users }) => users.length > 0);
  const unused = earlier.filter(({ users }) => users.length === 0);
  return {
    changes: unused.length > 0 ? withdrawals(unused, used, name) : [],
    findings: used.map((one) => inUse(one, name)),
  };
}

export async function applyWithdrawal(
  changes: readonly WithdrawalChange[],
  { earlier }: WithdrawalState,
  run: ExternalSecretsRun,
): Promise<Outcome[]> {
  const why = await whyNeeded(earlier, run);
  if (why !== undefined) {
    run.emit({ type: 'note', text: `pull secrets of earlier names stay: ${why}` });
    return skipped(changes);
  }
  const isOfAccount = ({ payload }: WithdrawalChange): boolean => payload.does === 'removeNames';
  const others = changes.filter((change) => !isOfAccount(change));
  const applyChange = (change: WithdrawalChange): Promise<unknown> => applyOne(change, run);
  const withdrawn = tolerating(await inParallel(concurrency, changes.filter(isOfAccount), run, applyChange));
  if (withdrawn.some(({ result }) => result !== 'done')) {
    return [...withdrawn, ...skipped(others)];
  }
  return [...withdrawn, ...tolerating(await inOrder(others, run, applyChange))];
}

export async function withdrawalHealth(
  { earlier }: WithdrawalState,
  ctx: ExternalSecretsContext,
): Promise<Finding[]> {
  const findings = await Promise.all(
    earlier.map(async ({ name, objects }) => {
      const secret = objects.find(({ kind }) => kind === 'Secret');
      const sources = (await ctx.inventory.externalSecrets()).filter(
        ({ metadata }) => metadata.name === name,
      );
      return [
        ...(secret ? [tokenFinding(secret, ctx.clock.now())] : []),
        ...(await syncFindings(sources, ctx)),
      ];
    }),
  );
  return findings.flat();
}

async function applyOne({ payload }: WithdrawalChange, run: ExternalSecretsRun): Promise<unknown> {
  switch (payload.does) {
    case 'removeNames':
      return removePullSecrets(payload.account, payload.names, run.ctx);
    case 'deleteObject':
      return deleteObserved(payload.object, run);
    case 'updateRole': {
      const role = (await renewalObjects(run.ctx.fresh())).find(({ kind }) => kind === readerRole.kind);
      if (role) await run.ctx.cluster.apply(role);
      return undefined;
    }
  }
}

/** First the names in service accounts, then the objects, last the right to read them. */
function withdrawals(
  unused: readonly Earlier[],
  used: readonly Earlier[],
  current: string,
): WithdrawalChange[] {
  const unusedNames = new Set(unused.map(({ name }) => name));
  const accounts = new Map(
    unused.flatMap((one) => one.accounts.map((account) => [fullName(account.metadata), account] as const)),
  );
  const reason = `nothing uses it since pullSecret.name is ${current}`;
  const postponable = true;
  return [
    ...[...accounts.values()].map((account): WithdrawalChange => {
      const names = pullSecretsOf(account);
      const from = names.includes(current) ? names : [...names, current];
      const field = { path: 'imagePullSecrets', from, to: from.filter((name) => !unusedNames.has(name)) };
      return {
        action: 'update',
        target: targetOf(refOf(account)),
        fields: [field],
        postponable,
        payload: { does: 'removeNames', account, names: names.filter((name) => unusedNames.has(name)) },
      };
    }),
    ...unused.flatMap(({ objects }) =>
      objects.map((object): WithdrawalChange => ({
        action: 'delete',
        target: targetOf(refOf(object)),
        fields: [],
        reason,
        postponable,
        payload: { does: 'deleteObject', object },
      })),
    ),
    {
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
      payload: { does: 'updateRole' },
    },
  ];
}

const inUse = ({ name, users }: Earlier, current: string): Finding =>
  finding('former-pull-secret', {
    target: { kind: 'ClusterExternalSecret', name },
    what: `pull secret ${name} is still in use, although pullSecret.name is ${current} now`,
    why: `it stays and is renewed while these list it and not ${current}: ${joinNames(users)}`,
    hint: `Recreate the pods (kubectl rollout restart), and write ${current} where a pod template or an excluded service account lists ${name}. Then run ecr-bootstrap up, which deletes ${name}.`,
  });

/** The steps before this one may have failed for one namespace or service account. */
async function whyNeeded(
  earlier: readonly Earlier[],
  { ctx }: ExternalSecretsRun,
): Promise<string | undefined> {
  const { name } = ctx.config.pullSecret;
  const lacking = earlier
    .flatMap(({ accounts }) => accounts)
    .find((account) => !isOfAgent(account) && !pullSecretsOf(account).includes(name));
  if (lacking) return `ServiceAccount ${fullName(lacking.metadata)} does not list ${name} yet`;
  const { copies } = await observeCopies(ctx);
  for (const copy of copies) {
    const why = whyNotServing(copy, ctx.clock.now());
    if (why !== undefined) return `namespace ${copy.namespace} has no ${name} yet: ${why}`;
  }
  return undefined;
}

/** What uses the pull secret of this earlier name, and not the current one. */
async function usersOf(name: string, ctx: ExternalSecretsContext): Promise<readonly string[]> {
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
    // An earlier step of `up` adds the current name to these service accounts. The agent uses none.
    ...accounts
      .filter((account) => !isOfAgent(account) && pullSecretsOf(account).includes(name))
      .filter(({ metadata }) => !updated.has(fullName(metadata)))
      .map(({ metadata }) => `ServiceAccount ${fullName(metadata)}`),
    ...users
      .filter((user) => !user.fromServiceAccount && isUser(user.pullSecrets) && !isReplaced(user.name, ctx))
      .map((user) => user.name),
  ];
}

/** The agent uses no service account, so those of its namespace need no pull secret. */
const isOfAgent = ({ metadata }: KubeObject): boolean => metadata.namespace === nodeNamespace;

/** The pods of the operator and of the agent on nodes; `up` rolls them out with the current name. */
const isReplaced = (user: string, { config }: ExternalSecretsContext): boolean =>
  (config.externalSecrets.install && user.startsWith(`Pod ${operatorNamespace}/external-secrets`)) ||
  user.startsWith(`Pod ${nodeNamespace}/${nodeAccessName}-`);
