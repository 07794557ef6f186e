import { randomBytes } from 'node:crypto';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { toBootstrapError, isTolerable } from '../../core/members.ts';
import type { Outcome } from '../../core/step.ts';
import { waitFor } from '../../core/wait.ts';
import type { ClusterRun } from '../context.ts';
import { diffObjects, type ObjectsState } from '../objects.ts';
import { observeServiceAccounts } from '../service-accounts/covered.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import { leftBehind, notVerified, rollBack, unverifiedFinding, notSampled } from './rollback.ts';

export interface PolicyState extends ObjectsState {
  /** Undefined where the cluster does not serve MutatingAdmissionPolicy. */
  readonly version: string | undefined;
}

/** Milliseconds; an API server takes up a new policy within a second or two, each of several by itself. */
const deadlineMs = 15_000;

/**
 * Proves by dry runs that service accounts are created and updated with the pull secret. A policy that fails there
 * could keep the whole cluster from making service accounts, so it is taken away at once (a run that only looks reports it): then `up` has to be run
 * again after new namespaces, which is no reason to end a run. One that could not be tried, because the cluster fell
 * silent or the run is to end, is taken away, too, and the run ends: the next one makes it again.
 * @param state before this run applied anything
 * @throws BootstrapError `cluster-unreachable`; `step-failed` when it could not be taken away; the signal's reason
 */
export async function verifyOrRemove(state: PolicyState, run: ClusterRun): Promise<void> {
  if (state.wanted.length === 0 || state.version === undefined) return;
  try {
    await verify(run);
  } catch (thrown) {
    const { aborted } = run.signal;
    // What stood there before was proved by the run that made it: a Ctrl-C is no reason to lose it.
    if (aborted && diffObjects(state).changes.length === 0) throw thrown;
    const error = toBootstrapError(thrown, 'prove the admission policy');
    if (run.looksOnly) throw aborted ? thrown : notVerified(error);
    const left = await rollBack(state.version, error.why, run);
    // An aborted run ends by the signal's reason, so what is left behind has to be told beside it.
    if (left && !aborted) throw left;
    const goesOn = !aborted && error.code !== 'cluster-unreachable' && error.code !== 'bug';
    const gone = goesOn ? unverifiedFinding(error.why) : notSampled(error.message);
    run.emit({ type: 'finding', finding: left ? leftBehind(left) : gone });
    if (!goesOn) throw thrown;
  }
}

/** An aborted run never comes to the proof of what it has just applied. */
export async function removeUnverified(
  outcomes: readonly Outcome[],
  { version }: PolicyState,
  run: ClusterRun,
): Promise<void> {
  const isApplied = outcomes.some(({ change, result }) => result === 'done' && change.action !== 'delete');
  if (!isApplied || !run.signal.aborted || version === undefined) return;
  const why = reasonOf(run.signal.reason);
  const left = await rollBack(version, why, run);
  run.emit({ type: 'finding', finding: left ? leftBehind(left) : notSampled(why) });
}

async function verify(run: ClusterRun): Promise<void> {
  const { ctx } = run;
  const { covered } = await observeServiceAccounts(ctx);
  const samples = onePerNamespace(covered).slice(0, maxSamples);
  if (samples.length === 0) return;
  const pullSecret = ctx.config.pullSecret.name;
  const what = 'the admission policy to take effect';
  await waitFor(run, { what, deadlineMs, intervalMs: 500 }, async (pending) => {
    const tried = await sampleOne(samples, ctx);
    const untouched = tried.find((account) => !pullSecretsOf(account).includes(pullSecret));
    return untouched ? pending(`${untouched.metadata.name} is admitted without the pull secret`) : true;
  });
}

/** Namespaces in which the policy is tried before it is to blame. */
const maxSamples = 5;

function onePerNamespace(accounts: readonly KubeObject[]): KubeObject[] {
  const byNamespace = new Map<string | undefined, KubeObject>();
  for (const account of accounts) {
    const { namespace } = account.metadata;
    if (!byNamespace.has(namespace)) byNamespace.set(namespace, account);
  }
  return [...byNamespace.values()];
}

/**
 * Tries the first namespace that takes a service account: a quota, or another policy, of one namespace says nothing
 * about this policy, which would refuse in every namespace.
 * @throws BootstrapError the refusal of the first one, when all of them refuse
 */
async function sampleOne(
  samples: readonly KubeObject[],
  { cluster, config }: ClusterRun['ctx'],
): Promise<readonly KubeObject[]> {
  let first: BootstrapError | undefined;
  for (const sample of samples) {
    try {
      return [await dryCreate(cluster, sample), await dryUpdate(cluster, sample, config.pullSecret.name)];
    } catch (error) {
      if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
      first ??= error;
    }
  }
  throw first ?? new Error('there is nothing to try the admission policy on');
}

function dryCreate(cluster: ClusterPort, { apiVersion, kind, metadata }: KubeObject): Promise<KubeObject> {
  const name = `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`;
  const { namespace = '' } = metadata;
  return cluster.create({ apiVersion, kind, metadata: { name, namespace } }, { dryRun: true });
}

/** The sample as it is now, without the pull secret; the server changes nothing but tells what it would store. */
async function dryUpdate(cluster: ClusterPort, sample: KubeObject, pullSecret: string): Promise<KubeObject> {
  const current = (await cluster.get(refOf(sample))) ?? sample;
  const others = pullSecretsOf(current).filter((name) => name !== pullSecret);
  const imagePullSecrets = others.map((name) => ({ name }));
  return cluster.update({ ...current, imagePullSecrets }, { dryRun: true });
}
