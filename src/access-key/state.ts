import type { AccessKey, SecretsPort, Tags, User } from '../clients/aws/port.ts';
import { type ResourceAccess, readAccess } from '../iam/resource-access.ts';
import type { ChangeWith } from '../core/step.ts';
import type { AccessKeyContext } from './context.ts';
import { tags as tagKeys } from '../core/ownership.ts';
import { observeFormerUsers, outdatedNotes, powerUserNote } from './former-users.ts';
import { secretNames, type SecretNames } from '../iam/names.ts';
import { awsTags, type Ownership, ownershipOf } from '../iam/tags.ts';
import { checkPair, type Verdict } from './verify.ts';
import {
  describeStored,
  type SecretPart,
  secretParts,
  readPairs,
  type StoredSecrets,
  storedIds,
  type StoredPair,
} from './stored.ts';

/** What `apply` does for one change of the image puller's access key. */
export type KeyWork =
  /** Adopts the user if the change is an adoption. `unmarks`: removes the tag that an interrupted creation left. */
  | { readonly does: 'changeUser'; readonly unmarks?: boolean }
  /** Creates a key, unless a stored one turns out to work. */
  | { readonly does: 'provideKey' }
  | { readonly does: 'deleteKey'; readonly id: string }
  | SecretWork
  | { readonly does: 'deleteSecret'; readonly part: SecretPart }
  /** Removes the tags of ecr-bootstrap and keeps the secret. */
  | { readonly does: 'releaseSecret'; readonly part: SecretPart; readonly tagKeys: readonly string[] };

/** Creates one of the secrets, or updates it and its stages. */
export interface SecretWork {
  readonly does: 'createSecret' | 'updateSecret';
  readonly part: SecretPart;
  /** The secret is scheduled for deletion and has to be restored. */
  readonly restores?: boolean;
  /** The values of all three secrets are written again, as one version. */
  readonly storesPair?: boolean;
  /** The version that becomes current, once its pair is verified. */
  readonly promotes?: { readonly from: string | undefined; readonly to: string };
}

export type KeyChange = ChangeWith<KeyWork>;

/** Ends the use of one access key. */
export interface KeyRevocation {
  readonly does: 'disableKey' | 'deleteKey';
  readonly id: string;
}

export interface KeyState {
  readonly userName: string;
  readonly names: SecretNames;
  /** The tags for managed AWS resources. */
  readonly tags: Tags;
  /** The tags for the secret that holds the key ID: {@link tags}, and the name of the power user. */
  readonly idTags: Tags;
  /** Keys of {@link idTags} that name power users who no longer exist. */
  readonly outdatedNotes: readonly string[];
  readonly kmsKeyId: string | undefined;
  readonly user: User | undefined;
  /** From the user's tags. With `manage: false`, a user without these tags counts as managed. */
  readonly ownership: Ownership;
  /** The IDs of the keys that existed before a key was being created; undefined when none is. */
  readonly creating: readonly string[] | undefined;
  readonly keys: readonly ObservedKey[];
  readonly stored: StoredSecrets;
  /** The access that the resource policies of unmanaged secrets grant, because these may be adopted. */
  readonly access: Partial<Readonly<Record<SecretPart, ResourceAccess>>>;
  /** In the order of {@link readPairs}. They are verified up to the first one that works. */
  readonly pairs: readonly JudgedPair[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface ObservedKey extends AccessKey {
  /** Whether ecr-bootstrap has stored the key before. */
  readonly isStored: boolean;
  /** Milliseconds since the epoch. Only read for disabled keys. */
  readonly lastUsed?: number;
}

export interface JudgedPair extends StoredPair {
  /**
   * - `listed`: IAM lists the key as active; the key was not used to verify it
   * - `unlisted`: IAM does not list the key, maybe because its lists lag; the key was not used to verify it
   * - `gone`: IAM lists the key as disabled, or does not list it and AWS refuses it
   */
  readonly verdict: Verdict | 'listed' | 'unlisted' | 'gone' | 'untried';
}

export async function observeKey(ctx: AccessKeyContext): Promise<KeyState> {
  const { config, clock } = ctx;
  const { iam, secrets } = ctx.aws;
  const { name: userName, manage } = config.users.imagePuller;
  const names = secretNames(config);
  const tags = awsTags(config);
  const user = iam.user(userName);
  const described = describeStored(ctx);
  const [found, former, keys, stored, access, ids, pairs] = await Promise.all([
    user,
    observeFormerUsers(ctx),
    user.then((one) => (one ? iam.accessKeys(userName) : [])),
    described,
    described.then((all) => accessOf(secrets, all, tags)),
    described.then((all) => storedIds(secrets, names, all)),
    described.then((all) => readPairs(secrets, names, all, config.aws.region)),
  ]);
  const ownership = ownershipOf(found?.tags ?? {}, tags);
  const creating = parseCreating(found?.tags[tagKeys.creating]);
  const judged = await verifyPairs(pairs, { userName, keys, creating }, ctx);
  const existing = [...keys, ...unlistedKeys(judged, keys, clock.now())];
  return {
    userName,
    names,
    tags,
    idTags: { ...tags, ...powerUserNote(config, stored.id?.tags) },
    outdatedNotes: outdatedNotes(stored.id?.tags ?? {}, former, config),
    kmsKeyId: config.secrets.kmsKeyId,
    user: found,
    ownership: !manage && ownership === 'unmanaged' ? 'managed' : ownership,
    creating,
    keys: await Promise.all(existing.map((key) => withUse(key, ids, ctx))),
    stored,
    access,
    pairs: judged,
    now: clock.now(),
  };
}

async function accessOf(
  secrets: SecretsPort,
  stored: StoredSecrets,
  tags: Tags,
): Promise<KeyState['access']> {
  const unmanaged = secretParts.flatMap((part) => {
    const info = stored[part];
    return info && ownershipOf(info.tags, tags) === 'unmanaged' ? [{ part, info }] : [];
  });
  const reads = unmanaged.map(
    async ({ part, info: { name, arn } }) =>
      [part, await readAccess(() => secrets.resourcePolicy(name), arn)] as const,
  );
  return Object.fromEntries(await Promise.all(reads));
}

function parseCreating(value: string | undefined): readonly string[] | undefined {
  return value?.split(' ').filter((id) => id !== '-');
}

async function withUse(
  key: AccessKey,
  ids: ReadonlySet<string>,
  ctx: AccessKeyContext,
): Promise<ObservedKey> {
  const lastUsed = key.active ? undefined : await ctx.aws.iam.accessKeyLastUsed(key.id);
  return { ...key, isStored: ids.has(key.id), ...(lastUsed === undefined ? {} : { lastUsed }) };
}

interface Listed {
  readonly userName: string;
  readonly keys: readonly AccessKey[];
  readonly creating: KeyState['creating'];
}

/** Verifies pairs until one works: each verification is a request, also in a run without changes. */
async function verifyPairs(
  pairs: readonly StoredPair[],
  { userName, keys, creating }: Listed,
  ctx: AccessKeyContext,
): Promise<JudgedPair[]> {
  const judged: JudgedPair[] = [];
  let isSettled = false;
  for (const stored of pairs) {
    const key = keys.find(({ id }) => id === stored.pair.accessKeyId);
    // The key of an earlier version was deleted when it was replaced. A key that is being created is not listed yet.
    const isWaiting = creating !== undefined && stored.isPending && !stored.isCurrent;
    let verdict: JudgedPair['verdict'] = 'untried';
    if (key?.active === false) verdict = 'gone';
    // AWS still accepts a deleted key for a while. Only versions with these stages can hold a new key.
    else if (!key)
      verdict =
        (isSettled && !isWaiting) || !(stored.isCurrent || stored.isPending)
          ? 'gone'
          : await verifyUnlisted(stored, userName, ctx);
    // A new key may be current although reads do not show it yet. It must not be treated as a replaced key.
    else if (!isSettled || (stored.isPending && !stored.isCurrent))
      verdict = ctx.usesKey ? await checkPair(ctx, stored.pair) : 'listed';
    isSettled ||= isAccepted(verdict);
    judged.push({ ...stored, verdict });
  }
  return judged;
}

/** One refusal is enough here, because IAM does not list the key either. The key may also belong to another user. */
async function verifyUnlisted(
  { pair }: StoredPair,
  userName: string,
  ctx: AccessKeyContext,
): Promise<JudgedPair['verdict']> {
  if (!ctx.usesKey) return 'unlisted';
  const isOfUser = async (): Promise<boolean> => {
    const { arn } = await ctx.aws.as(pair).identity();
    return arn.includes(':user/') && arn.endsWith(`/${userName}`);
  };
  const verdict = await checkPair(ctx, pair, 1);
  return verdict !== 'refused' && (await isOfUser()) ? verdict : 'gone';
}

/** Whether AWS accepts the key, as far as is known. */
export const isAccepted = (verdict: JudgedPair['verdict']): boolean =>
  verdict === 'works' || verdict === 'denied' || verdict === 'listed';

/** Keys that AWS accepts exist, even if IAM's list does not show them yet. */
function unlistedKeys(pairs: readonly JudgedPair[], keys: readonly AccessKey[], now: number): AccessKey[] {
  const known = new Set(keys.map(({ id }) => id));
  const taken = pairs.filter(({ verdict }) => isAccepted(verdict)).map(({ pair }) => pair.accessKeyId);
  return [...new Set(taken)].filter((id) => !known.has(id)).map((id) => ({ id, active: true, created: now }));
}
