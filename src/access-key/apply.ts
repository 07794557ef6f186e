import type { SecretInfo } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { once } from '../core/once.ts';
import { unplannedDelete } from '../core/apply.ts';
import { inOrder } from '../core/members.ts';
import { waitFor } from '../core/wait.ts';
import type { Outcome } from '../core/step.ts';
import type { AccessKeyRun } from './context.ts';
import { adoptedTags, adoptedUserTags, compareTags } from '../iam/tags.ts';
import { classify, isManagedKey } from './classify.ts';
import { diffKey, maxKeys } from './diff.ts';
import { createKey, storePair, unmark, verifyStored } from './protocol.ts';
import { untilDisabledKeysAreRefused } from './revocation.ts';
import { isUnmanaged, tagsOf } from './secrets.ts';
import { type KeyChange, type KeyState, type ObservedKey, observeKey, type SecretWork } from './state.ts';
import type { SecretPart } from './stored.ts';

/** How long Secrets Manager may take to show a write. */
const visibilityTimeoutMs = 90_000;
const intervalMs = 2000;
/** While a key is younger than this, an earlier run may have stored it although reads do not show it yet. */
const newKeyAgeMs = 600_000;

interface Options {
  /** The plan promised a new key: a stored key that turns out to work is an error. */
  readonly mustCreate?: boolean;
  /** This run has waited until AWS shows the current stored values. */
  readonly isSettled?: boolean;
}

/** Applies the changes of {@link diffKey}. A run can be interrupted at any request without harm. */
export function applyKey(
  changes: readonly KeyChange[],
  state: KeyState,
  run: AccessKeyRun,
  options: Options = {},
): Promise<Outcome[]> {
  const { aws } = run.ctx;
  const { userName, names } = state;
  const situation = classify(state);
  const untilVerified = once(async () => {
    if (situation.next === 'promote') await verifyStored(run, state, situation.pair.pair);
  });
  const storeAsOneVersion = once(async () => {
    if (situation.next === 'restore') await storePair(run, situation.pair.pair, 'AWSCURRENT');
  });
  const creates = changes.some(({ action, payload }) => payload.does === 'provideKey' && action === 'create');
  const untilRefused = once(async () => {
    if (creates && situation.next === 'make') await untilDisabledKeysAreRefused(run, state);
  });
  let isHidden = situation.next === 'hidden';
  const mayBeStored = (): boolean =>
    isHidden || (situation.next === 'make' && unexplainedKey(state) !== undefined);
  const settledState = once(() => observeSettled(run));

  return inOrder(changes, run, async (change) => {
    const { payload } = change;
    switch (payload.does) {
      case 'changeUser':
        if (change.adopts) await aws.iam.tagUser(userName, adoptedUserTags(state.tags, state.keys));
        if (!payload.unmarks) return;
        await untilVerified();
        return unmark(run, userName);
      case 'provideKey':
        if (mayBeStored() && !options.isSettled) {
          const mustCreate = options.mustCreate === true && change.action === 'create';
          return planAgain(await settledState(), run, changes, { mustCreate });
        }
        await untilRefused();
        return `created access key ${(await createKey(run, state)).accessKeyId}`;
      case 'deleteKey':
        if (mayBeStored() && !options.isSettled) {
          const { next } = classify(await settledState());
          if (next !== 'make' && next !== 'hidden') return 'kept: the stored access key works';
        }
        // Before the deletion, because only an existing key can show whether AWS refuses it.
        await untilRefused();
        return aws.iam.deleteAccessKey(userName, payload.id);
      case 'createSecret':
        isHidden = (await createSecret(payload.part, state, run)) === 'existing' || isHidden;
        return;
      case 'updateSecret':
        return updateSecret(change, payload, state, run, { untilVerified, storeAsOneVersion });
      case 'releaseSecret':
        return aws.secrets.untag(names[payload.part], payload.tagKeys);
      case 'deleteSecret':
        return aws.secrets.delete(names[payload.part]);
    }
  });
}

/** AWS may deny reading whether a secret exists, so a secret that the plan creates may already exist. */
async function createSecret(
  part: SecretPart,
  state: KeyState,
  run: AccessKeyRun,
): Promise<'new' | 'existing'> {
  const { secrets } = run.ctx.aws;
  const { names, kmsKeyId } = state;
  const name = names[part];
  const outcome = await secrets.create({
    name,
    description: `${descriptions[part]} of IAM user ${state.userName}, managed by ecr-bootstrap`,
    tags: tagsOf(state, part),
    ...(kmsKeyId ? { kmsKeyId } : {}),
  });
  if (outcome === 'created') return 'new';
  if (outcome === 'deleted') await secrets.restore(name);
  const info = await untilVisible(name, run);
  if (info && !isUnmanaged(info, state)) return 'existing';
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

/** @returns undefined when the secret is not visible before the deadline, or the caller may not read it */
async function untilVisible(name: string, run: AccessKeyRun): Promise<SecretInfo | undefined> {
  const { secrets } = run.ctx.aws;
  let last: SecretInfo | undefined;
  await untilSettled(`secret ${name} to be visible`, run, async () => {
    last = await secrets.describe(name);
    return last && !last.deleted ? undefined : 'Secrets Manager does not show it yet';
  });
  return last;
}

/** @param look returns the reason to look again; undefined ends the wait, and so does the deadline */
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

interface Before {
  readonly untilVerified: () => Promise<void>;
  readonly storeAsOneVersion: () => Promise<void>;
}

async function updateSecret(
  { adopts }: KeyChange,
  { part, restores, storesPair, promotes }: SecretWork,
  state: KeyState,
  run: AccessKeyRun,
  { untilVerified, storeAsOneVersion }: Before,
): Promise<void> {
  const { secrets } = run.ctx.aws;
  const name = state.names[part];
  if (restores) await secrets.restore(name);
  if (storesPair) await storeAsOneVersion();
  if (promotes) {
    await untilVerified();
    const { from, to } = promotes;
    await secrets.moveStage(name, 'AWSCURRENT', { to, ...(from === undefined ? {} : { from }) });
  }
  const tags = tagsOf(state, part);
  if (compareTags(tags, state.stored[part]?.tags ?? {}).length > 0) {
    await secrets.tag(name, adopts ? adoptedTags(tags) : tags);
  }
  if (part === 'id' && state.outdatedNotes.length > 0) await secrets.untag(name, state.outdatedNotes);
}

/** A new active key that looks unmanaged. An earlier run may have stored it, although reads do not show it yet. */
const unexplainedKey = (state: KeyState): ObservedKey | undefined =>
  state.keys.find((key) => key.active && !isManagedKey(key, state) && state.now - key.created < newKeyAgeMs);

/** A stored key that IAM lists as active and AWS refuses. It may be deleted, although the list does not show it yet. */
const refusedKey = ({ keys, pairs }: KeyState): ObservedKey | undefined =>
  keys.find(({ id, active }) =>
    pairs.some(({ pair, verdict }) => active && pair.accessKeyId === id && verdict === 'refused'),
  );

/** Observes the key again after AWS shows what was stored, restored and deleted. */
async function observeSettled(run: AccessKeyRun): Promise<KeyState> {
  let state: KeyState | undefined;
  await untilSettled('AWS to show the stored access key', run, async () => {
    state = await observeKey(run.ctx.fresh());
    const { next } = classify(state);
    if (next === 'hidden') return 'AWS still shows a secret as scheduled for deletion';
    if (next !== 'make') return undefined;
    const refused = refusedKey(state);
    if (refused) return `AWS refuses access key ${refused.id}, which IAM lists as active`;
    const key = unexplainedKey(state);
    return key && `Secrets Manager does not show access key ${key.id}, which is new`;
  });
  return state ?? (await observeKey(run.ctx.fresh()));
}

/**
 * Plans again with the current stored values, and applies that plan.
 * @param shown the changes that the user confirmed; no other key is deleted
 */
async function planAgain(
  state: KeyState,
  run: AccessKeyRun,
  shown: readonly KeyChange[],
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
  const shownIds = new Set(
    shown.flatMap(({ payload }) => (payload.does === 'deleteKey' ? [payload.id] : [])),
  );
  const isShown = ({ payload }: KeyChange): boolean =>
    payload.does !== 'deleteKey' || shownIds.has(payload.id);
  const hidden = changes.find((change) => !isShown(change));
  // An unconfirmed deletion is left to a later run. If IAM has no place for the new key without it, this run fails.
  if (hidden && next === 'make' && state.keys.length >= maxKeys) throw unplannedDelete(hidden);
  const allowed = changes.filter(isShown);
  for (const outcome of await applyKey(allowed, state, run, { isSettled: true })) {
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
  hint: 'Run the same command again and check the new plan.',
});
