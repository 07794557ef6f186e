import type { KeyPair } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import type { AccessKeyContext, AccessKeyRun } from './context.ts';
import { secretNames } from '../iam/names.ts';
import { secretParts } from './stored.ts';

/** Milliseconds for a new key and new policies to spread through AWS; IAM promises no time, minutes are rare. */
const deadlineMs = 180_000;

/** A new key is known to one of AWS's machines before it is to the next: one success proves little. */
const requiredSuccesses = 3;

/**
 * What AWS says to a pair: `denied` takes the key and refuses the action, which is a matter of policies;
 * `refused` does not know the key, or the secret is not its.
 */
export type Verdict = 'works' | 'denied' | 'refused';

/** Tries a pair. A refusal is asked for again, because a working key must not be lost to one wrong answer. */
export async function checkPair(
  ctx: AccessKeyContext,
  pair: KeyPair,
  refusals = requiredSuccesses,
): Promise<Verdict> {
  for (let attempt = 1; ; attempt += 1) {
    const verdict = await verdictOf(() => ctx.aws.as(pair).ecr.token());
    if (verdict.verdict !== 'refused' || attempt >= refusals) return verdict.verdict;
    await ctx.clock.sleep(1000);
  }
}

/**
 * Waits until the pair does all that the cluster needs it for, several times in a row: a token, a manifest under the
 * project, the values of the three secrets.
 * @throws BootstrapError `key-unproven` after the deadline; its cause tells whether the key was refused to the end
 */
export async function waitUntilVerified(run: AccessKeyRun, pair: KeyPair): Promise<void> {
  const { ctx } = run;
  const aws = ctx.aws.as(pair);
  let successes = 0;
  let last: Attempt = { verdict: 'works' };
  const hint = 'Run the same command again; it resumes with this key.';
  const what = `AWS to accept access key ${pair.accessKeyId}`;
  try {
    await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
      last = await verdictOf(() => useAll(ctx, aws));
      if (last.verdict === 'works') successes += 1;
      else successes = 0;
      if (successes >= requiredSuccesses) return true;
      return pending(last.why ?? `${successes} of ${requiredSuccesses} successful checks in a row`);
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    throw new UnverifiedKey(pair.accessKeyId, last.verdict, error);
  }
}

/** The error of a key that did not work before the deadline. */
export class UnverifiedKey extends BootstrapError {
  readonly verdict: Verdict;

  constructor(id: string, verdict: Verdict, cause: BootstrapError) {
    super(
      {
        code: 'key-unproven',
        what: `could not verify access key ${id}`,
        why: cause.why,
        hint:
          verdict === 'denied'
            ? 'The key is valid and lacks rights. Run `ecr-bootstrap up --only image-puller,image-puller-key`. A policy of the AWS organization may deny the action too.'
            : cause.hint,
      },
      { cause },
    );
    this.verdict = verdict;
  }
}

async function useAll({ config }: AccessKeyContext, aws: AccessKeyContext['aws']): Promise<void> {
  const token = await aws.ecr.token();
  const admission = await aws.ecr.checkToken(token, `${config.project}/external-secrets`);
  if (!admission.accepted) throw new Refused(admission.why);
  const names = secretNames(config);
  await Promise.all(secretParts.map((part) => aws.secrets.value(names[part])));
}

/** The registry's refusal: it takes the token, for ECR gave it, and denies the repository. */
class Refused extends Error {}

interface Attempt {
  readonly verdict: Verdict;
  readonly why?: string;
}

async function verdictOf(use: () => Promise<unknown>): Promise<Attempt> {
  try {
    await use();
    return { verdict: 'works' };
  } catch (error) {
    if (error instanceof Refused) return { verdict: 'denied', why: `the registry answers ${error.message}` };
    if (!(error instanceof BootstrapError)) throw error;
    if (error.code === 'aws-denied') return { verdict: 'denied', why: error.why };
    if (error.code.startsWith('credentials-')) return { verdict: 'refused', why: error.why };
    throw error;
  }
}
