import type { SecretInfo } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { once } from '../core/once.ts';
import { destroys, unplannedDelete } from '../core/apply.ts';
import { inOrder, nameOf } from '../core/members.ts';
import { waitFor } from '../core/wait.ts';
import type { Change, Outcome, Target } from '../core/step.ts';
import type { AccessKeyRun } from './context.ts';
import { adoptedTags, adoptedUserTags, compareTags, isRelease, markKeysIn } from '../iam/tags.ts';
import { tags as tagKeys } from '../core/ownership.ts';
import { classify, isManagedKey } from './classify.ts';
import { keyTarget } from '../iam/users/targets.ts';
import { diffKey, maxKeys } from './diff.ts';
import { createKey, verifyStored, storePair, unmark } from './protocol.ts';
import { untilDisabledKeysAreRefused } from './revocation.ts';
import { isUnmanaged, tagsOf } from './secrets.ts';
import { type KeyState, type ObservedKey, observeKey } from './state.ts';
import { type SecretPart, secretParts } from './stored.ts';

/** Milliseconds within which Secrets Manager shows what was written to it. */
const visibilityTimeoutMs = 90_000;
const intervalMs = 2000;
/** Milliseconds for which a key may be one that an earlier run created, and whose secrets are not shown yet. */
const isNewFor = 600_000;

interface Options {
  /** The user was promised a new key: it is an error if a stored one turns out to work. */
  readonly mustCreate?: boolean;
  /** The stored values have been waited for. */
  readonly hasLooked?: boolean;
}

/** Carries changes of {@link diffKey} out. Each is safe to be cut off at any of its requests. */
export function applyKey(
  changes: readonly Change[],
  state: KeyState,
  run: AccessKeyRun,
  options: Options = {},
): Promise<Outcome[]> {
  const situation = classify(state);
  const proved = once(async () => {
    if (situation.next === 'promote') await verifyStored(run, state, situation.pair.pair);
  });
  const storedAsOne = once(async () => {
    if (situation.next === 'restore') await storePair(run, situation.pair.pair, 'AWSCURRENT');
  });
  const creates = changes.some(({ action, target }) => isKey(target) && action === 'create');
  const refused = once(async () => {
    if (creates && situation.next === 'make') await untilDisabledKeysAreRefused(run, state);
  });
  let isHidden = situation.next === 'hidden';
  const settledState = once(() => observeSettled(run));

  return inOrder(changes, run, async (change) => {
    const { kind, name } = change.target;
    const { aws } = run.ctx;
    if (kind === 'IAM user') {
      if (change.adopts) await aws.iam.tagUser(name, adoptedUserTags(state.tags, state.keys));
      if (change.fields.some(({ path }) => path === `tags.${tagKeys.creating}`)) {
        await proved();
        await unmark(run, name);
      }
      return;
    }
    if (isKey(change.target)) {
      const isUnsure = isHidden || (situation.next === 'make' && unexplainedKey(state) !== undefined);
      if (isUnsure && !options.hasLooked) {
        const settled = await settledState();
        const { next } = classify(settled);
        if (change.action !== 'delete') {
          const mustCreate = options.mustCreate === true && change.action === 'create';
          return planAgain(settled, run, changes, { mustCreate });
        }
        if (next !== 'make' && next !== 'hidden') return 'kept: the stored access key works';
      }
      // Also before a delete: a key that is gone can no longer be tried.
      await refused();
      if (change.action === 'delete') return aws.iam.deleteAccessKey(state.userName, name);
      return `created access key ${(await createKey(run, state)).accessKeyId}`;
    }
    if (change.action === 'delete') return aws.secrets.delete(name);
    const part = partOf(name, state);
    if (isRelease(change)) return aws.secrets.untag(name, markKeysIn(state.stored[part]?.tags));
    if (change.action === 'create') {
      isHidden = (await createSecret(part, state, run)) === 'seen' || isHidden;
      return;
    }
    await updateSecret(change, part, state, run, { proved, storedAsOne });
  });
}

const isKey = ({ kind }: Target): boolean => kind === keyTarget('').kind;

function partOf(name: string, { names }: KeyState): SecretPart {
  const part = secretParts.find((one) => names[one] === name);
  if (!part) throw new Error(`${name} is none of the three secrets`);
  return part;
}

/** AWS may refuse to tell whether a secret exists, so what was planned as absent may turn out to be there. */
async function createSecret(part: SecretPart, state: KeyState, run: AccessKeyRun): Promise<'new' | 'seen'> {
  const { secrets } = run.ctx.aws;
  const { names, kmsKeyId } = state;
  const name = names[part];
  const outcome = await secrets.create({
    name,
    description: `${descriptions[part]} of IAM user ${state.userName}, kept by ecr-bootstrap`,
    tags: tagsOf(state, part),
    ...(kmsKeyId ? { kmsKeyId } : {}),
  });
  if (outcome === 'created') return 'new';
  if (outcome === 'deleted') await secrets.restore(name);
  const info = await untilVisible(name, run);
  if (info && !isUnmanaged(info, state)) return 'seen';
  throw new BootstrapError({
    code: 'aws-denied',
    what: `could not create secret ${name}`,
    why: info
      ? 'it already exists and is not managed by ecr-bootstrap'
      : 'it already exists, and the caller may not read it',
    hint: info
      ? 'Run the same command again; its plan shows what to do about the secret.'
      : 'Ask an administrator for the policy that `ecr-bootstrap policy power-user` prints, or set users.imagePuller.name.',
  });
}

/** @returns undefined when the secret is still not shown after a while, or the caller may not read it */
async function untilVisible(name: string, run: AccessKeyRun): Promise<SecretInfo | undefined> {
  const { secrets } = run.ctx.aws;
  let last: SecretInfo | undefined;
  await untilSettled(`secret ${name} to be visible`, run, async () => {
    last = await secrets.describe(name);
    return last && !last.deleted ? undefined : 'Secrets Manager does not show it yet';
  });
  return last;
}

/** Looks until there is no reason left to look again, or the time is up. */
async function untilSettled(
  what: string,
  run: AccessKeyRun,
  look: () => Promise<string | undefined>,
): Promise<void> {
  const wait = { what, deadlineMs: visibilityTimeoutMs, intervalMs };
  try {
    await waitFor(run, wait, async (pending) => {
      const reason = await look();
      return reason === undefined ? true : pending(reason);
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
  }
}

const descriptions: Readonly<Record<SecretPart, string>> = {
  id: 'Access key id',
  secret: 'Secret access key',
  region: 'Region',
};

interface Progress {
  readonly proved: () => Promise<void>;
  readonly storedAsOne: () => Promise<void>;
}

async function updateSecret(
  change: Change,
  part: SecretPart,
  state: KeyState,
  run: AccessKeyRun,
  before: Progress,
): Promise<void> {
  const { secrets } = run.ctx.aws;
  const name = state.names[part];
  for (const { path, from, to } of change.fields) {
    if (path === 'deletion') await secrets.restore(name);
    if (path === 'version') await before.storedAsOne();
    if (path === 'AWSCURRENT') {
      await before.proved();
      await secrets.moveStage(name, 'AWSCURRENT', {
        ...(typeof to === 'string' ? { to } : {}),
        ...(typeof from === 'string' ? { from } : {}),
      });
    }
  }
  const tags = tagsOf(state, part);
  if (compareTags(tags, state.stored[part]?.tags ?? {}).length > 0) {
    await secrets.tag(name, change.adopts ? adoptedTags(tags) : tags);
  }
  if (part === 'id' && state.outdatedNotes.length > 0) await secrets.untag(name, state.outdatedNotes);
}

/** An active key that nothing explains. An earlier run may have stored it just now, where reads do not show it yet. */
const unexplainedKey = (state: KeyState): ObservedKey | undefined =>
  state.keys.find((key) => key.active && !isManagedKey(key, state) && state.now - key.created < isNewFor);

/** A stored key that IAM lists as active and AWS refuses: it may be deleted, where the list does not show it yet. */
const refusedKey = ({ keys, pairs }: KeyState): ObservedKey | undefined =>
  keys.find(({ id, active }) =>
    pairs.some(({ pair, verdict }) => active && pair.accessKeyId === id && verdict === 'refused'),
  );

/** Observes the key again, once AWS shows what was stored, restored and deleted. */
async function observeSettled(run: AccessKeyRun): Promise<KeyState> {
  let state: KeyState | undefined;
  await untilSettled('AWS to show the stored access key', run, async () => {
    state = await observeKey(run.ctx.fresh());
    const { next } = classify(state);
    if (next === 'hidden') return 'a secret still looks as if it were scheduled for deletion';
    if (next !== 'make') return undefined;
    const refused = refusedKey(state);
    if (refused) return `AWS refuses access key ${refused.id}, which IAM lists as active`;
    const key = unexplainedKey(state);
    return key && `access key ${key.id} is new and not stored, as far as Secrets Manager shows`;
  });
  return state ?? (await observeKey(run.ctx.fresh()));
}

/**
 * Decides by what the stored values are now.
 * @param shown what the user has agreed to: no other key is deleted
 */
async function planAgain(
  state: KeyState,
  run: AccessKeyRun,
  shown: readonly Change[],
  { mustCreate }: Options,
): Promise<string> {
  const { next } = classify(state);
  if (next === 'hidden') throw stillHidden;
  const { changes, findings } = diffKey(state);
  const blocking = findings.find((finding) => finding.blocking);
  if (blocking) {
    const { what, why, hint } = blocking;
    throw new BootstrapError({ code: 'blocked', what, why, hint });
  }
  if (mustCreate && next !== 'make') throw alreadyWorks;
  const agreed = new Set(shown.filter(destroys).map(({ target }) => nameOf(target)));
  const isShown = (change: Change): boolean => !destroys(change) || agreed.has(nameOf(change.target));
  const hidden = changes.find((change) => !isShown(change));
  // A new key needs a place. The other one stays if there is one, for a later run to show and delete.
  if (hidden && next === 'make' && state.keys.length >= maxKeys) throw unplannedDelete(hidden);
  const allowed = changes.filter(isShown);
  for (const outcome of await applyKey(allowed, state, run, { hasLooked: true })) {
    if (outcome.result === 'failed') throw outcome.error;
  }
  return next === 'make' ? 'created a new access key' : 'the stored access key works';
}

const stillHidden = new BootstrapError({
  code: 'not-ready',
  what: 'could not read the stored access key',
  why: 'Secrets Manager still shows a restored secret as scheduled for deletion',
  hint: 'Run the same command again.',
});

const alreadyWorks = new BootstrapError({
  code: 'plan-changed',
  what: 'could not replace the access key',
  why: 'AWS did not show the stored access key when the plan was made, so the plan did not replace it',
  hint: 'Run the same command again and look at the new plan.',
});
