import { isKeyUnknown } from '../clients/aws/errors.ts';
import type { KeyPair, SecretsPort } from '../clients/aws/port.ts';
import { stopwatch } from '../core/clock.ts';
import { BootstrapError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import type { AccessKeyRun } from './context.ts';
import type { KeyState } from './state.ts';

/** Some AWS servers learn that a key is disabled before others do, so one refusal is not enough. */
const refusals = 3;
const refusedForMs = 30_000;
/** How long to wait for a disabled key that cannot be tested, because its secret access key is unknown. */
const unknownSecretMs = 60_000;
const deadlineMs = 600_000;

/**
 * Waits until AWS refuses every disabled key of the user. The image puller may read its own secrets, so a key that AWS
 * still accepts could read the next key.
 * @throws BootstrapError `key-still-accepted` after ten minutes
 */
export async function untilDisabledKeysAreRefused(
  run: AccessKeyRun,
  { keys, pairs, names, userName }: KeyState,
): Promise<void> {
  const { ctx } = run;
  const disabled = keys.filter(({ active }) => !active);
  if (disabled.length === 0) return;
  const tried = disabled.flatMap(({ id }) => {
    const stored = pairs.find(({ pair }) => pair.accessKeyId === id);
    return stored ? [attempt(ctx.aws.as(stored.pair).secrets, names.id, stored.pair)] : [];
  });
  const leastMs = tried.length < disabled.length ? unknownSecretMs : 0;
  const passed = stopwatch(ctx.clock);
  let refusedSince: number | undefined;
  let inARow = 0;
  const what = `AWS to refuse access key ${disabled.map(({ id }) => id).join(' and ')}`;
  const hint = `Run the same command again. If it fails again, run \`aws iam list-access-keys --user-name ${userName}\`: the key has to be Inactive.`;
  const wait = { what, hint, deadlineMs };
  try {
    await waitFor(run, wait, async (pending) => {
      const answers = await Promise.all(tried.map((ask) => ask()));
      const accepted = answers.find((answer) => answer !== 'refused');
      if (accepted !== undefined) {
        [refusedSince, inARow] = [undefined, 0];
        return pending(accepted);
      }
      const now = passed();
      refusedSince ??= now;
      inARow += 1;
      const isProven = inARow >= refusals && now - refusedSince >= refusedForMs;
      if (now >= leastMs && (isProven || tried.length === 0)) return true;
      return pending('the key is disabled; AWS needs some time to enforce this everywhere');
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    throw stillAccepted(error);
  }
}

type Attempt = () => Promise<string>;

/** Reads a secret with the key, as a thief would. Resolves to `refused`, or to the reason why it may still work. */
function attempt(secrets: SecretsPort, name: string, { accessKeyId }: KeyPair): Attempt {
  return async () => {
    try {
      await secrets.value(name);
      return `AWS still accepts access key ${accessKeyId}`;
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      return isKeyUnknown(error) ? 'refused' : error.why;
    }
  };
}

const stillAccepted = (cause: BootstrapError): BootstrapError =>
  new BootstrapError(
    {
      code: 'key-still-accepted',
      what: 'could not create a new access key',
      why: `an old key that is disabled could still read it: ${cause.why}`,
      hint: cause.hint,
    },
    { cause },
  );
