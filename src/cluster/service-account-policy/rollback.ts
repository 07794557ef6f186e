import { BootstrapError } from '../../core/errors.ts';
import type { Finding } from '../../core/findings.ts';
import { toBootstrapError } from '../../core/members.ts';
import type { ClusterRun } from '../context.ts';
import { applyObjects, diffObjects, observeObjects } from '../objects.ts';
import { policyName, policyRefs } from './policy.ts';
import { finding } from '../../core/findings.ts';

/** Milliseconds of our own time: it may be a cluster that does not answer for which the run is ended. */
const rollBackTimeoutMs = 20_000;

const removing = 'take away the admission policy, which was not proved';

const hint = `Until it is removed, the cluster may be unable to create service accounts: kubectl delete mutatingadmissionpolicybinding,mutatingadmissionpolicy ${policyName}. Then run \`ecr-bootstrap up\`, which creates and tries it again.`;

/**
 * Takes an unproved policy away, also when the run is about to end: its own signal would have every delete skipped.
 * @param why it is unproved
 * @returns what says that it is still there; undefined when it is gone
 */
export async function rollBack(
  version: string,
  why: string,
  run: ClusterRun,
): Promise<BootstrapError | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate()), rollBackTimeoutMs);
  try {
    await Promise.race([remove(version, { ...run, signal: late.signal }), failureOf(late.signal)]);
    return undefined;
  } catch (thrown) {
    const error = toBootstrapError(thrown, removing);
    const reason = `${error.message} (not proved: ${why})`;
    return new BootstrapError({ code: 'step-failed', what: removing, why: reason, hint }, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function remove(version: string, run: ClusterRun): Promise<void> {
  const state = await observeObjects(run.ctx.cluster, [], policyRefs(version));
  for (const outcome of await applyObjects(diffObjects(state).changes, state, run)) {
    if (outcome.result === 'failed') throw outcome.error;
  }
}

const failureOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

const tooLate = (): BootstrapError =>
  new BootstrapError({
    code: 'not-ready',
    what: 'wait until the admission policy is gone',
    why: `it took more than ${rollBackTimeoutMs / 1000} s`,
    hint,
  });

const target = { kind: 'MutatingAdmissionPolicy', name: policyName };

/** Of a policy that an earlier run made, where this run changes nothing. */
export const notVerified = (cause: BootstrapError): BootstrapError =>
  new BootstrapError(
    { code: 'not-ready', what: 'could not verify the admission policy', why: cause.message, hint },
    { cause },
  );

/** For a run that ends by an error of its own. */
export const leftBehind = ({ what, why }: BootstrapError): Finding =>
  finding('policy-left', {
    target,
    what: `could not ${what}`,
    why,
    hint,
  });

export const notSampled = (why: string): Finding =>
  finding('policy-unproven', {
    target,
    what: 'the admission policy could not be tried and was taken away',
    why,
    hint: 'Run the same command again: it makes it and tries it.',
  });

export const unverifiedFinding = (why: string): Finding =>
  finding('policy-unproven', {
    target,
    what: 'the admission policy did not work in a dry run and was taken away',
    why,
    hint: 'Run ecr-bootstrap up --only service-accounts after new namespaces, or set serviceAccounts.policy: off.',
  });
