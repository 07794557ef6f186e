import { BootstrapError } from '../../errors/index.ts';
import { once } from '../../once.ts';
import { inOrder, type Change, type Outcome, type Target } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { isRelease } from '../adoption.ts';
import { tags as tagKeys } from '../ownership.ts';
import { adoptedTags, adoptedUserTags, compareTags, markKeysIn } from '../tags.ts';
import { classify } from './classify.ts';
import { diffKey, keyTarget } from './diff.ts';
import { makeKey, proveStored, storePair, unmark } from './protocol.ts';
import { untilDisabledKeysAreRefused } from './refused.ts';
import { isForeign } from './secrets.ts';
import { observeKey, type KeyState } from './state.ts';
import { parts, type Part } from './stored.ts';

/** Carries changes of {@link diffKey} out. Each is safe to be cut off at any of its requests. */
export function applyKey(changes: readonly Change[], state: KeyState, run: Run): Promise<Outcome[]> {
  const situation = classify(state);
  const proved = once(async () => {
    if (situation.next === 'promote') await proveStored(run, state, situation.pair.pair);
  });
  const storedAsOne = once(async () => {
    if (situation.next === 'restore') await storePair(run, situation.pair.pair, 'AWSCURRENT');
  });
  const creates = changes.some(({ action, target }) => isKey(target) && action === 'create');
  const refused = once(async () => {
    if (creates && situation.next === 'make') await untilDisabledKeysAreRefused(run, state);
  });
  let isHidden = situation.next === 'hidden';

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
      if (isHidden && change.action !== 'delete') return lookAgain(run);
      // Also before a delete: a key that is gone can no longer be tried.
      await refused();
      if (change.action === 'delete') return aws.iam.deleteAccessKey(state.userName, name);
      return `created access key ${(await makeKey(run, state)).accessKeyId}`;
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

function partOf(name: string, { names }: KeyState): Part {
  const part = parts.find((one) => names[one] === name);
  if (!part) throw new Error(`${name} is none of the three secrets`);
  return part;
}

/** AWS may refuse to tell whether a secret exists, so what was planned as absent may turn out to be there. */
async function createSecret(part: Part, state: KeyState, run: Run): Promise<'new' | 'seen'> {
  const { secrets } = run.ctx.aws;
  const { names, tags, kmsKeyId } = state;
  const name = names[part];
  const outcome = await secrets.create({
    name,
    description: `${descriptions[part]} of IAM user ${state.userName}, kept by ecr-bootstrap`,
    tags,
    ...(kmsKeyId ? { kmsKeyId } : {}),
  });
  if (outcome === 'created') return 'new';
  if (outcome === 'deleted') await secrets.restore(name);
  const info = await secrets.describe(name);
  if (info && !isForeign(info, state)) return 'seen';
  throw new BootstrapError({
    code: 'aws-denied',
    what: `create secret ${name}`,
    why: info ? 'it exists and is not ours' : 'it exists, and the caller may not read it',
    hint: info
      ? 'Run the same command again: it says whose the secret is and what to do.'
      : 'Ask an administrator for the policy that `ecr-bootstrap policy power-user` prints, or set users.imagePuller.name.',
  });
}

const descriptions: Readonly<Record<Part, string>> = {
  id: 'Access key id',
  secret: 'Secret access key',
  region: 'Region',
};

interface Before {
  readonly proved: () => Promise<void>;
  readonly storedAsOne: () => Promise<void>;
}

async function updateSecret(
  change: Change,
  part: Part,
  state: KeyState,
  run: Run,
  before: Before,
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
  if (compareTags(state.tags, state.stored[part]?.tags ?? {}).length > 0) {
    await secrets.tag(name, change.adopts ? adoptedTags(state.tags) : state.tags);
  }
}

/** What was hidden can be read now: what there is to do is decided by it. */
async function lookAgain(run: Run): Promise<string> {
  const state = await observeKey(run.ctx.fresh());
  const { changes, findings } = diffKey(state);
  const blocking = findings.find((finding) => finding.blocking);
  if (blocking)
    throw new BootstrapError({
      code: 'blocked',
      what: blocking.what,
      why: blocking.why,
      hint: blocking.hint,
    });
  for (const outcome of await applyKey(changes, state, run)) {
    if (outcome.result === 'failed') throw outcome.error;
  }
  return changes.length > 0 ? 'made it whole' : 'it works';
}
