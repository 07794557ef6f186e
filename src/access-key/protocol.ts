import { randomUUID } from 'node:crypto';
import { awsCode } from '../clients/aws/errors.ts';
import type { AccessKey, KeyPair } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { Secret } from '../core/secret.ts';
import { settleAll } from '../core/members.ts';
import type { AccessKeyRun } from './context.ts';
import { tags as tagKeys } from '../core/ownership.ts';
import { secretNames } from '../iam/names.ts';
import { keyIdsValue } from '../iam/tags.ts';
import { classify } from './classify.ts';
import { UnverifiedKey, waitUntilVerified } from './verify.ts';
import type { KeyState } from './state.ts';
import { maxKeys } from './diff.ts';
import { holderOf, type SecretPart, secretParts } from './stored.ts';

/**
 * Creates a key and makes it current. The order makes an interruption harmless at any point: the tag marks the creation
 * before the key exists, the secrets hold the key before it is used, and it is verified before it replaces a working
 * key. The next run finds out from AWS alone how far this run got.
 */
export async function createKey(run: AccessKeyRun, state: KeyState): Promise<KeyPair> {
  const replaces = classify(state).next === 'settled';
  await mark(run, state);
  const pair = await requestKey(run, state);
  const version = await storePair(run, pair, replaces ? 'AWSPENDING' : 'AWSCURRENT');
  await waitUntilVerified(run, pair);
  if (replaces) await makeCurrent(run, state, version);
  // An interrupted run may have created a key that is not listed yet. The tag lets the next run find and delete it.
  if (!state.creating || !(await hasUnfinished(run, state, pair))) await unmark(run, state.userName);
  return pair;
}

/** @throws BootstrapError `plan-changed` when more keys exist than IAM listed */
async function requestKey(run: AccessKeyRun, { userName, creating }: KeyState): Promise<KeyPair> {
  const { iam } = run.ctx.aws;
  try {
    return await iam.createAccessKey(userName);
  } catch (error) {
    if (!(error instanceof BootstrapError) || awsCode(error.cause) !== 'LimitExceeded') throw error;
    // No key was created, and with the tag the next run would treat the unlisted keys as created by this run.
    if (!creating) await unmark(run, userName);
    const keys = await untilListed(run, userName, ({ length }) => length >= maxKeys);
    throw new BootstrapError(
      {
        code: 'plan-changed',
        what: 'could not create a new access key',
        why: `IAM user ${userName} has ${maxKeys} access keys already: ${keys.map(({ id }) => id).join(', ')}`,
        hint: 'Run the same command again and check the new plan.',
      },
      { cause: error },
    );
  }
}

async function hasUnfinished(
  run: AccessKeyRun,
  { userName, creating = [] }: KeyState,
  { accessKeyId }: KeyPair,
): Promise<boolean> {
  const keys = await untilListed(run, userName, (listed) => listed.some(({ id }) => id === accessKeyId));
  const others = keys.filter(({ id }) => id !== accessKeyId);
  return others.length === keys.length || others.some(({ id }) => !creating.includes(id));
}

/** Milliseconds that IAM may take to show a write. */
const visibilityTimeoutMs = 90_000;

/** @returns the keys when `isComplete` is true, or at the deadline */
async function untilListed(
  run: AccessKeyRun,
  userName: string,
  isComplete: (keys: readonly AccessKey[]) => boolean,
): Promise<readonly AccessKey[]> {
  const what = `IAM to list the access keys of ${userName}`;
  let keys: readonly AccessKey[] = [];
  try {
    await waitFor(run, { what, deadlineMs: visibilityTimeoutMs, intervalMs: 2000 }, async (pending) => {
      keys = await run.ctx.aws.iam.accessKeys(userName);
      return isComplete(keys) ? true : pending('the list does not show all of them yet');
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
  }
  return keys;
}

/** Keeps an existing tag: the keys that it does not list were created by the run that set it. */
async function mark(run: AccessKeyRun, { creating, user, userName, keys }: KeyState): Promise<void> {
  if (creating) return;
  const { aws } = run.ctx;
  const listed = await aws.iam.accessKeys(userName);
  const unlisted = keys.filter((key) => !listed.some(({ id }) => id === key.id));
  const value = keyIdsValue([...listed, ...unlisted]);
  try {
    await aws.iam.tagUser(userName, { [tagKeys.creating]: value });
  } catch (error) {
    if (!(error instanceof BootstrapError) || awsCode(error.cause) !== 'NoSuchEntity') throw error;
    throw user ? await deletedUser(run, userName, error) : absentUser(userName, error);
  }
}

const absentUser = (userName: string, cause: BootstrapError): BootstrapError =>
  new BootstrapError(
    {
      code: 'aws-failed',
      what: 'could not create a new access key',
      why: `IAM user ${userName} does not exist`,
      hint: 'Run `ecr-bootstrap up --only image-puller` as an administrator, then the same command again.',
    },
    { cause },
  );

/** Waits until IAM shows that the user does not exist, so that the next run creates it. */
async function deletedUser(
  run: AccessKeyRun,
  userName: string,
  cause: BootstrapError,
): Promise<BootstrapError> {
  const { aws } = run.ctx;
  await waitFor(
    run,
    {
      what: `IAM to show that user ${userName} does not exist`,
      hint: 'Run the same command again.',
      deadlineMs: visibilityTimeoutMs,
      intervalMs: 2000,
    },
    async (pending) => ((await aws.iam.user(userName)) ? pending('it still shows the user') : true),
  );
  return new BootstrapError(
    {
      code: 'plan-changed',
      what: 'could not create a new access key',
      why: `IAM user ${userName} does not exist; IAM still showed it when the plan was made`,
      hint: 'Run the same command again and check the new plan.',
    },
    { cause },
  );
}

export async function unmark({ ctx: { aws } }: AccessKeyRun, userName: string): Promise<void> {
  await aws.iam.untagUser(userName, [tagKeys.creating]);
}

const isMarkedForDeletion = (error: unknown): boolean =>
  error instanceof BootstrapError &&
  awsCode(error.cause) === 'InvalidRequest' &&
  error.why.includes('marked for deletion');

/**
 * Writes all three secrets with one token, which becomes the version ID. Equal IDs show that the values match. A version
 * that becomes current at once takes AWSPENDING too. Otherwise an earlier version could keep that stage, and its deleted
 * key would look like one that IAM does not list yet.
 */
export async function storePair(
  { ctx }: AccessKeyRun,
  pair: KeyPair,
  stage: 'AWSPENDING' | 'AWSCURRENT',
): Promise<string> {
  const stages = stage === 'AWSCURRENT' ? ['AWSCURRENT', 'AWSPENDING'] : ['AWSPENDING'];
  const token = randomUUID();
  const names = secretNames(ctx.config);
  const values: Readonly<Record<SecretPart, Secret>> = {
    id: new Secret(pair.accessKeyId),
    secret: pair.secretAccessKey,
    region: new Secret(ctx.config.aws.region),
  };
  const put = (part: SecretPart): Promise<void> =>
    ctx.aws.secrets.put(names[part], values[part], { token, stages });
  await settleAll(
    secretParts.map(async (part) => {
      try {
        await put(part);
      } catch (error) {
        // An outdated read did not show that the secret is scheduled for deletion.
        if (!isMarkedForDeletion(error)) throw error;
        await ctx.aws.secrets.restore(names[part]);
        await put(part);
      }
    }),
  );
  return token;
}

async function makeCurrent(
  { ctx }: AccessKeyRun,
  { names, stored }: KeyState,
  version: string,
): Promise<void> {
  await settleAll(
    secretParts.map((part) => {
      const from = holderOf(stored[part], 'AWSCURRENT');
      return ctx.aws.secrets.moveStage(names[part], 'AWSCURRENT', { to: version, ...(from ? { from } : {}) });
    }),
  );
}

/**
 * Verifies a pair that an earlier run stored. If AWS refuses the key until the deadline, it is deleted, so that the next
 * run creates another. A key that only lacks rights is kept.
 */
export async function verifyStored(run: AccessKeyRun, state: KeyState, pair: KeyPair): Promise<void> {
  try {
    await waitUntilVerified(run, pair);
  } catch (error) {
    if (error instanceof UnverifiedKey && error.verdict === 'refused') {
      await run.ctx.aws.iam.deleteAccessKey(state.userName, pair.accessKeyId);
    }
    throw error;
  }
}
