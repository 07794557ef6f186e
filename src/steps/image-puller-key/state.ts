import type { AccessKey, Tags, User } from '../../aws/port.ts';
import type { Context } from '../context.ts';
import { tags as tagKeys } from '../ownership.ts';
import { secretNames, type SecretNames } from '../policies/index.ts';
import { awsTags, ownershipOf } from '../tags.ts';
import { tryPair, type Verdict } from './prove.ts';
import { describeAll, readPairs, storedIds, type Stored, type StoredPair } from './stored.ts';

export interface KeyState {
  readonly userName: string;
  readonly names: SecretNames;
  /** For what we make in AWS. */
  readonly tags: Tags;
  readonly kmsKeyId: string | undefined;
  readonly user: User | undefined;
  /** By its tags; a user that is declared to be made elsewhere for us counts as ours while it bears none. */
  readonly owner: ReturnType<typeof ownershipOf>;
  /** The key ids that stood before a key was being made; undefined when none is. */
  readonly creating: readonly string[] | undefined;
  readonly keys: readonly ObservedKey[];
  readonly stored: Stored;
  /** In the order of {@link readPairs}; tried up to the first one that works. */
  readonly pairs: readonly JudgedPair[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface ObservedKey extends AccessKey {
  /** We stored it once. */
  readonly isStored: boolean;
  /** Milliseconds since the epoch; asked for only of disabled keys. */
  readonly lastUsed?: number;
}

export interface JudgedPair extends StoredPair {
  /** `gone`: the user has no such key, or it is disabled. */
  readonly verdict: Verdict | 'gone' | 'untried';
}

export async function observeKey(ctx: Context): Promise<KeyState> {
  const { config, clock } = ctx;
  const { iam, secrets } = ctx.aws;
  const { name: userName, manage } = config.users.imagePuller;
  const names = secretNames(config);
  const tags = awsTags(config);
  const user = iam.user(userName);
  const described = describeAll(secrets, names);
  const [found, keys, stored, ids, pairs] = await Promise.all([
    user,
    user.then((one) => (one ? iam.accessKeys(userName) : [])),
    described,
    described.then((all) => storedIds(secrets, names, all)),
    described.then((all) => readPairs(secrets, names, all, config.aws.region)),
  ]);
  const owner = ownershipOf(found?.tags ?? {}, tags);
  return {
    userName,
    names,
    tags,
    kmsKeyId: config.secrets.kmsKeyId,
    user: found,
    owner: !manage && owner === 'nobody' ? 'ours' : owner,
    creating: parseCreating(found?.tags[tagKeys.creating]),
    keys: await Promise.all(keys.map((key) => withUse(key, ids, ctx))),
    stored,
    pairs: await judge(pairs, keys, ctx),
    now: clock.now(),
  };
}

function parseCreating(value: string | undefined): readonly string[] | undefined {
  return value?.split(' ').filter((id) => id !== '-');
}

async function withUse(key: AccessKey, ids: ReadonlySet<string>, ctx: Context): Promise<ObservedKey> {
  const lastUsed = key.active ? undefined : await ctx.aws.iam.accessKeyLastUsed(key.id);
  return { ...key, isStored: ids.has(key.id), ...(lastUsed === undefined ? {} : { lastUsed }) };
}

/** Once one works the others need not be tried: each trial is a request of the no-op run. */
async function judge(
  pairs: readonly StoredPair[],
  keys: readonly AccessKey[],
  ctx: Context,
): Promise<JudgedPair[]> {
  const judged: JudgedPair[] = [];
  let isSettled = false;
  for (const stored of pairs) {
    const key = keys.find(({ id }) => id === stored.pair.accessKeyId);
    let verdict: JudgedPair['verdict'] = key?.active ? 'untried' : 'gone';
    if (verdict === 'untried' && !isSettled) verdict = await tryPair(ctx, stored.pair);
    isSettled ||= verdict === 'works' || verdict === 'denied';
    judged.push({ ...stored, verdict });
  }
  return judged;
}
