import type { KeyPair } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import type { AccessKeyContext, AccessKeyRun } from './context.ts';
import { secretNames } from '../iam/names.ts';
import { secretParts } from './stored.ts';

/** Milliseconds for new keys and policies to take effect in AWS. IAM guarantees no time; minutes are rare. */
const deadlineMs = 180_000;

/** Some AWS servers learn about a new key before others do, so one success is not enough. */
const requiredSuccesses = 3;

/**
 * - `denied`: AWS accepts the key and denies the action because of a policy
 * - `refused`: AWS does not know the key, or the secret access key does not match
 */
export type Verdict = 'works' | 'denied' | 'refused';

/** Verifies a pair. A refusal is checked again, because one wrong answer must not cost a working key. */
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
 * Waits until everything that the cluster needs the pair for works several times in a row: a token, a manifest of the
 * project, the values of the three secrets.
 * @throws UnverifiedKey (`key-unverified`) after the deadline, with the last verdict
 */
export async function waitUntilVerified(run: AccessKeyRun, pair: KeyPair): Promise<void> {
  const { ctx } = run;
  const aws = ctx.aws.as(pair);
  let successes = 0;
  let last: Attempt = { verdict: 'works' };
  const hint = 'Run the same command again; it resumes with this key.';
  const what = 'AWS to accept the access key';
  try {
    await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
      last = await verdictOf(() => useAll(ctx, aws));
      if (last.verdict === 'works') successes += 1;
      else successes = 0;
      if (successes >= requiredSuccesses) return true;
      return pending(last.why ?? `${successes} of ${requiredSuccesses} checks succeeded`);
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
        code: 'key-unverified',
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

/** The registry denies the repository. It accepts the token, because ECR issued it. */
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
