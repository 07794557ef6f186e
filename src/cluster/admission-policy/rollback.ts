import { onAbort } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { toBootstrapError } from '../../core/members.ts';
import { targetOf } from '../../clients/kubernetes/names.ts';
import type { ObjectRef } from '../../clients/kubernetes/port.ts';
import type { Target } from '../../core/target.ts';
import type { ClusterRun } from '../context.ts';
import { applyObjects, diffObjects, observeObjects } from '../objects.ts';

/** An admission policy that `up` verifies by dry runs. */
export interface AdmissionPolicy {
  /** The binding first: without it, the policy has no effect. */
  readonly refs: readonly ObjectRef[];
  /** What may happen while a policy that was not verified exists. */
  readonly risk: string;
  /** What to do without the policy. */
  readonly unverifiedHint: string;
}

/** Real time, because the cluster may be unreachable. */
const rollBackTimeoutMs = 20_000;

const what = 'could not delete the admission policy, which was not verified';

function hintFor({ refs, risk }: AdmissionPolicy): string {
  const kinds = refs.map(({ kind }) => kind.toLowerCase()).join(',');
  return `Until it is removed, ${risk}: \`kubectl delete ${kinds} ${refs[0]?.name ?? ''}\`. Then run \`ecr-bootstrap up\`, which creates and verifies it again.`;
}

function targetFor({ refs }: AdmissionPolicy): Target {
  const ref = refs.at(-1);
  if (!ref) throw new Error('an admission policy has objects');
  return targetOf(ref);
}

/**
 * Deletes a policy that was not verified. Ignores the signal of the run, so that it also works in an aborted run.
 * @param why why the policy was not verified
 * @returns the error when the policy still exists
 */
export async function rollBack(
  policy: AdmissionPolicy,
  why: string,
  run: ClusterRun,
): Promise<BootstrapError | undefined> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutError(policy)), rollBackTimeoutMs);
  try {
    await Promise.race([remove(policy, { ...run, signal: timeout.signal }), failureOf(timeout.signal)]);
    return undefined;
  } catch (thrown) {
    const error = toBootstrapError(thrown, what);
    const reason = `${error.message} (not verified: ${why})`;
    return new BootstrapError(
      { code: 'step-failed', what, why: reason, hint: hintFor(policy) },
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function remove({ refs }: AdmissionPolicy, run: ClusterRun): Promise<void> {
  const state = await observeObjects(run.ctx.cluster, [], refs);
  for (const outcome of await applyObjects(diffObjects(state).changes, run)) {
    if (outcome.result === 'failed') throw outcome.error;
  }
}

const failureOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    onAbort(signal, () => reject(signal.reason as Error));
  });

const timeoutError = (policy: AdmissionPolicy): BootstrapError =>
  new BootstrapError({
    code: 'not-ready',
    what: 'timed out waiting for the admission policy to be deleted',
    why: `it took more than ${rollBackTimeoutMs / 1000} s`,
    hint: hintFor(policy),
  });

/** The error for a policy of an earlier run, in a run that changes nothing. */
export const notVerified = (policy: AdmissionPolicy, cause: BootstrapError): BootstrapError =>
  new BootstrapError(
    {
      code: 'not-ready',
      what: 'could not verify the admission policy',
      why: cause.message,
      // Without a right, nothing is known to be wrong with the policy.
      hint: cause.code === 'cluster-denied' ? cause.hint : hintFor(policy),
    },
    { cause },
  );

/** For a run that fails with another error. */
export const policyLeftFinding = (policy: AdmissionPolicy, { what: left, why }: BootstrapError): Finding =>
  finding('policy-not-removed', { target: targetFor(policy), what: left, why, hint: hintFor(policy) });

export const interruptedFinding = (policy: AdmissionPolicy, why: string): Finding =>
  finding('policy-unverified', {
    target: targetFor(policy),
    what: 'the admission policy could not be verified and was deleted',
    why,
    hint: 'Run the same command again; it creates and verifies the policy.',
  });

export const unverifiedFinding = (policy: AdmissionPolicy, why: string): Finding =>
  finding('policy-unverified', {
    target: targetFor(policy),
    what: 'the admission policy failed in a dry run and was deleted',
    why,
    hint: policy.unverifiedHint,
  });
