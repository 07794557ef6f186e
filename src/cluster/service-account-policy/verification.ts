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
import {
  policyLeftFinding,
  notVerified,
  rollBack,
  unverifiedFinding,
  interruptedFinding,
} from './rollback.ts';

export interface PolicyState extends ObjectsState {
  /** Undefined where the cluster does not serve MutatingAdmissionPolicy. */
  readonly version: string | undefined;
}

/** Each API server of a cluster applies a new policy within a second or two. */
const deadlineMs = 15_000;

/**
 * Verifies by dry runs that service accounts are created and updated with the pull secret. A failing policy could prevent
 * the whole cluster from creating service accounts, so it is deleted at once. The run continues, because without the
 * policy `up` only has to run again for new namespaces. When the cluster is unreachable or the run is aborted, the policy
 * is deleted too and the run ends; the next run creates it again. A run without changes deletes nothing.
 * @param state observed before this run applied anything
 * @throws BootstrapError `cluster-unreachable`; `step-failed` when it could not be deleted; the signal's reason
 */
export async function verifyOrRemove(state: PolicyState, run: ClusterRun): Promise<void> {
  if (state.wanted.length === 0 || state.version === undefined) return;
  try {
    await verify(run);
  } catch (thrown) {
    const { aborted } = run.signal;
    // An existing policy was verified by the run that created it, so an interruption does not delete it.
    if (aborted && diffObjects(state).changes.length === 0) throw thrown;
    const error = toBootstrapError(thrown, 'could not verify the admission policy');
    if (run.isReadOnly) throw aborted ? thrown : notVerified(error);
    const rollBackError = await rollBack(state.version, error.why, run);
    // An aborted run fails with the reason of its signal, so a remaining policy is reported as a finding.
    if (rollBackError && !aborted) throw rollBackError;
    const continues = !aborted && error.code !== 'cluster-unreachable' && error.code !== 'bug';
    const deletedFinding = continues ? unverifiedFinding(error.why) : interruptedFinding(error.message);
    run.emit({ type: 'finding', finding: rollBackError ? policyLeftFinding(rollBackError) : deletedFinding });
    if (!continues) throw thrown;
  }
}

/** Deletes a policy that an aborted run applied, because that run does not verify it. */
export async function removeUnverified(
  outcomes: readonly Outcome[],
  { version }: PolicyState,
  run: ClusterRun,
): Promise<void> {
  const isApplied = outcomes.some(({ change, result }) => result === 'done' && change.action !== 'delete');
  if (!isApplied || !run.signal.aborted || version === undefined) return;
  const why = reasonOf(run.signal.reason);
  const rollBackError = await rollBack(version, why, run);
  run.emit({
    type: 'finding',
    finding: rollBackError ? policyLeftFinding(rollBackError) : interruptedFinding(why),
  });
}

async function verify(run: ClusterRun): Promise<void> {
  const { ctx } = run;
  const { covered } = await observeServiceAccounts(ctx);
  const samples = onePerNamespace(covered).slice(0, maxSamples);
  if (samples.length === 0) return;
  const pullSecret = ctx.config.pullSecret.name;
  const what = 'the admission policy to take effect';
  await waitFor(run, { what, deadlineMs, intervalMs: 500 }, async (pending) => {
    const admitted = await sampleOne(samples, ctx);
    const unchanged = admitted.find((account) => !pullSecretsOf(account).includes(pullSecret));
    return unchanged ? pending(`${unchanged.metadata.name} is admitted without the pull secret`) : true;
  });
}

/** The policy fails verification when so many namespaces reject it. */
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
 * Uses the first namespace that accepts a service account. A quota or another policy can reject it in one namespace, but
 * a broken policy rejects it in every namespace.
 * @throws BootstrapError the error of the first namespace, when all of them reject it
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
  throw first ?? new Error('there is no service account to verify the admission policy with');
}

function dryCreate(cluster: ClusterPort, { apiVersion, kind, metadata }: KubeObject): Promise<KubeObject> {
  const name = `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`;
  const { namespace = '' } = metadata;
  return cluster.create({ apiVersion, kind, metadata: { name, namespace } }, { dryRun: true });
}

/** Updates the current service account without the pull secret, in a dry run. */
async function dryUpdate(cluster: ClusterPort, sample: KubeObject, pullSecret: string): Promise<KubeObject> {
  const current = (await cluster.get(refOf(sample))) ?? sample;
  const others = pullSecretsOf(current).filter((name) => name !== pullSecret);
  const imagePullSecrets = others.map((name) => ({ name }));
  return cluster.update({ ...current, imagePullSecrets }, { dryRun: true });
}
