import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { isTolerable, toBootstrapError } from '../../core/members.ts';
import type { Outcome } from '../../core/step.ts';
import type { ClusterRun } from '../context.ts';
import { diffObjects, type ObjectsState } from '../objects.ts';
import {
  type AdmissionPolicy,
  interruptedFinding,
  notVerified,
  policyLeftFinding,
  rollBack,
  unverifiedFinding,
} from './rollback.ts';

/** Each API server of a cluster applies a new policy within a second or two. */
export const effectDeadlineMs = 15_000;

/**
 * Verifies a policy by dry runs. A failing policy could prevent the whole cluster from creating objects, so it is deleted at
 * once. The run continues, because everything else works without the policy. When the cluster is unreachable or the run is
 * aborted, the policy is deleted too and the run ends; the next run creates it again. A run without changes deletes nothing.
 * @param state observed before this run applied anything
 * @param verify rejects when the policy does not work
 * @throws BootstrapError `cluster-unreachable`; `step-failed` when it could not be deleted; the signal's reason
 */
export async function verifyOrRemove(
  policy: AdmissionPolicy,
  state: ObjectsState,
  run: ClusterRun,
  verify: () => Promise<void>,
): Promise<void> {
  try {
    await verify();
  } catch (thrown) {
    const { aborted } = run.signal;
    // An existing policy was verified by the run that created it, so an interruption does not delete it.
    if (aborted && diffObjects(state).changes.length === 0) throw thrown;
    const error = toBootstrapError(thrown, 'could not verify the admission policy');
    if (run.isReadOnly) throw aborted ? thrown : notVerified(policy, error);
    const rollBackError = await rollBack(policy, error.why, run);
    // An aborted run fails with the reason of its signal, so a remaining policy is reported as a finding.
    if (rollBackError && !aborted) throw rollBackError;
    const continues = !aborted && error.code !== 'cluster-unreachable' && error.code !== 'bug';
    const deletedFinding = continues
      ? unverifiedFinding(policy, error.why)
      : interruptedFinding(policy, error.message);
    const finding = rollBackError ? policyLeftFinding(policy, rollBackError) : deletedFinding;
    run.emit({ type: 'finding', finding });
    if (!continues) throw thrown;
  }
}

/** Deletes a policy that an aborted run applied, because that run does not verify it. */
export async function removeUnverified(
  policy: AdmissionPolicy,
  outcomes: readonly Outcome[],
  run: ClusterRun,
): Promise<void> {
  const isApplied = outcomes.some(({ change, result }) => result === 'done' && change.action !== 'delete');
  if (!isApplied || !run.signal.aborted) return;
  const why = reasonOf(run.signal.reason);
  const rollBackError = await rollBack(policy, why, run);
  run.emit({
    type: 'finding',
    finding: rollBackError ? policyLeftFinding(policy, rollBackError) : interruptedFinding(policy, why),
  });
}

/**
 * Uses the first sample that the server accepts. A quota or another policy can reject one, but a broken policy rejects
 * all of them.
 * @throws BootstrapError the error of the first sample, when the server rejects all of them
 */
export async function firstAccepted<Sample, T>(
  samples: readonly Sample[],
  use: (sample: Sample) => Promise<T>,
): Promise<T> {
  let first: BootstrapError | undefined;
  for (const sample of samples) {
    try {
      return await use(sample);
    } catch (error) {
      if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
      first ??= error;
    }
  }
  throw first ?? new Error('there is no sample to verify the admission policy with');
}
