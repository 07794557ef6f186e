import { onAbort } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { toBootstrapError } from '../../core/members.ts';
import type { ClusterRun } from '../context.ts';
import { applyObjects, diffObjects, observeObjects } from '../objects.ts';
import { policyName, policyRefs } from './policy.ts';

/** Real time, because the cluster may be unreachable. */
const rollBackTimeoutMs = 20_000;

const what = 'could not delete the admission policy, which was not verified';

const hint = `Until it is removed, the cluster may be unable to create service accounts: \`kubectl delete mutatingadmissionpolicybinding,mutatingadmissionpolicy ${policyName}\`. Then run \`ecr-bootstrap up\`, which creates and verifies it again.`;

/**
 * Deletes a policy that was not verified. Ignores the signal of the run, so that it also works in an aborted run.
 * @param why why the policy was not verified
 * @returns the error when the policy still exists
 */
export async function rollBack(
  version: string,
  why: string,
  run: ClusterRun,
): Promise<BootstrapError | undefined> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutError()), rollBackTimeoutMs);
  try {
    await Promise.race([remove(version, { ...run, signal: timeout.signal }), failureOf(timeout.signal)]);
    return undefined;
  } catch (thrown) {
    const error = toBootstrapError(thrown, what);
    const reason = `${error.message} (not verified: ${why})`;
    return new BootstrapError({ code: 'step-failed', what, why: reason, hint }, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function remove(version: string, run: ClusterRun): Promise<void> {
  const state = await observeObjects(run.ctx.cluster, [], policyRefs(version));
  for (const outcome of await applyObjects(diffObjects(state).changes, run)) {
    if (outcome.result === 'failed') throw outcome.error;
  }
}

const failureOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    onAbort(signal, () => reject(signal.reason as Error));
  });

const timeoutError = (): BootstrapError =>
  new BootstrapError({
    code: 'not-ready',
    what: 'timed out waiting for the admission policy to be deleted',
    why: `it took more than ${rollBackTimeoutMs / 1000} s`,
    hint,
  });

const target = { kind: 'MutatingAdmissionPolicy', name: policyName };

/** The error for a policy of an earlier run, in a run that changes nothing. */
export const notVerified = (cause: BootstrapError): BootstrapError =>
  new BootstrapError(
    { code: 'not-ready', what: 'could not verify the admission policy', why: cause.message, hint },
    { cause },
  );

/** For a run that fails with another error. */
export const policyLeftFinding = ({ what, why }: BootstrapError): Finding =>
  finding('policy-not-removed', {
    target,
    what,
    why,
    hint,
  });

export const interruptedFinding = (why: string): Finding =>
  finding('policy-unverified', {
    target,
    what: 'the admission policy could not be verified and was deleted',
    why,
    hint: 'Run the same command again; it creates and verifies the policy.',
  });

export const unverifiedFinding = (why: string): Finding =>
  finding('policy-unverified', {
    target,
    what: 'the admission policy failed in a dry run and was deleted',
    why,
    hint: 'Run `ecr-bootstrap up --only service-accounts` after you create namespaces, or set serviceAccounts.policy: off.',
  });
