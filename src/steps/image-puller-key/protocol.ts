import { randomUUID } from 'node:crypto';
import type { KeyPair } from '../../aws/port.ts';
import { Secret } from '../../secret.ts';
import type { Run } from '../context.ts';
import { tags as tagKeys } from '../ownership.ts';
import { secretNames } from '../policies/index.ts';
import { keyIdsValue } from '../tags.ts';
import { classify } from './classify.ts';
import { untilProven, UnprovenKey } from './prove.ts';
import type { KeyState } from './state.ts';
import { holderOf, parts, type Part } from './stored.ts';

/**
 * The protocol by which a key comes to be current, in the order that makes a stop at any point harmless: the tag
 * says that a key is being made before there is one, the secrets hold it before it is used, and it is proved before
 * it takes the place of one that works. The next run sees from AWS alone how far this one came.
 */
export async function makeKey(run: Run, state: KeyState): Promise<KeyPair> {
  const replaces = classify(state).next === 'settled';
  await mark(run, state);
  const pair = await run.ctx.aws.iam.createAccessKey(state.userName);
  const version = await storePair(run, pair, replaces ? 'AWSPENDING' : 'AWSCURRENT');
  await untilProven(run, pair);
  if (replaces) await makeCurrent(run, state, version);
  await unmark(run, state.userName);
  return pair;
}

/** A tag that stands already stays: the keys that it does not name are of the run that set it. */
async function mark({ ctx: { aws } }: Run, { creating, userName }: KeyState): Promise<void> {
  if (creating) return;
  const value = keyIdsValue(await aws.iam.accessKeys(userName));
  await aws.iam.tagUser(userName, { [tagKeys.creating]: value });
}

export async function unmark({ ctx: { aws } }: Run, userName: string): Promise<void> {
  await aws.iam.untagUser(userName, [tagKeys.creating]);
}

/** Writes all three secrets with one token, which becomes the version's id: equal ids prove that they belong together. */
export async function storePair({ ctx }: Run, pair: KeyPair, stage: string): Promise<string> {
  const token = randomUUID();
  const names = secretNames(ctx.config);
  const values: Readonly<Record<Part, Secret>> = {
    id: new Secret(pair.accessKeyId),
    secret: pair.secretAccessKey,
    region: new Secret(ctx.config.aws.region),
  };
  await Promise.all(
    parts.map((part) => ctx.aws.secrets.put(names[part], values[part], { token, stages: [stage] })),
  );
  return token;
}

async function makeCurrent({ ctx }: Run, { names, stored }: KeyState, version: string): Promise<void> {
  await Promise.all(
    parts.map((part) => {
      const from = holderOf(stored[part], 'AWSCURRENT');
      return ctx.aws.secrets.moveStage(names[part], 'AWSCURRENT', { to: version, ...(from ? { from } : {}) });
    }),
  );
}

/**
 * Proves a pair that an earlier run stored. One that AWS refuses to the end is deleted, so that the next run makes
 * another; one whose rights are missing is kept.
 */
export async function proveStored(run: Run, state: KeyState, pair: KeyPair): Promise<void> {
  try {
    await untilProven(run, pair);
  } catch (error) {
    if (error instanceof UnprovenKey && error.verdict === 'refused') {
      await run.ctx.aws.iam.deleteAccessKey(state.userName, pair.accessKeyId);
    }
    throw error;
  }
}
