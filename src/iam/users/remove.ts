import type { Tags } from '../../clients/aws/port.ts';
import type { Change, Diff, Finding, Target } from '../../core/plan-exports.ts';
import { release } from '../../core/adoption.ts';
import type { Context } from '../../steps/context.ts';
import { foreignKeys, unknownKeys } from '../../access-key/classify.ts';
import { keyTarget } from '../../access-key/diff.ts';
import { observeKey } from '../../access-key/state.ts';
import { isAdopted, ownershipOf } from '../tags.ts';
import { ownAttachments, type SeenUser, type UserState, type WantedUser } from './state.ts';
import { attachmentTarget, policyTarget, userTarget } from './targets.ts';

/**
 * The user with its keys and policy. What was adopted stays, without the tags of this program. A user also stays when it
 * is unmanaged, when it is the caller, and when it has something unmanaged, because IAM deletes no user that has anything.
 */
export async function removeUser(
  { wanted, seen, callerIsPowerUser }: UserState,
  ctx: Context,
): Promise<Diff> {
  if (!seen || !isManaged(wanted, seen)) return { changes: [], findings: [] };
  const reason = callerIsPowerUser
    ? 'the caller is one of the two users and may not change them: an administrator has to run this'
    : await whyKept(wanted, seen, ctx);
  if (reason !== undefined) return { changes: [], findings: [kept(wanted, reason)] };
  const { user, policy, attached } = seen;
  // The image puller's keys go with the step that made them; those of power-user were made by hand.
  const isUserAdopted = isAdopted(user?.tags);
  const isKept = (arn: string): boolean =>
    isUserAdopted && (arn !== wanted.policy.arn || isAdopted(policy?.tags));
  const keys =
    user && wanted.who === 'powerUser' && !isUserAdopted ? await ctx.aws.iam.accessKeys(wanted.name) : [];
  return {
    changes: [
      ...keys.map(({ id }) => deletion(keyTarget(id))),
      ...attached.filter((arn) => !isKept(arn)).map((arn) => deletion(attachmentTarget(wanted.name, arn))),
      ...(user ? [deletionOrRelease(userTarget(wanted.name), user.tags)] : []),
      ...(policy ? [deletionOrRelease(policyTarget(wanted.policy.name), policy.tags)] : []),
    ],
    findings: [],
  };
}

/** What was created is known by its tags. A user that is created elsewhere has none. */
const isManaged = ({ manage, tags }: WantedUser, { user, policy }: SeenUser): boolean =>
  manage || [user, policy].some((one) => ownershipOf(one?.tags ?? {}, tags) === 'ours');

const deletion = (target: Target): Change => ({ action: 'delete', target, fields: [], grants: true });

const deletionOrRelease = (target: Target, tags: Tags): Change =>
  isAdopted(tags) ? { ...release(target, tags), grants: true } : deletion(target);

async function whyKept(wanted: WantedUser, seen: SeenUser, ctx: Context): Promise<string | undefined> {
  const { user, policy } = seen;
  const found = [user, policy].filter((one) => one !== undefined);
  if (found.some(({ tags }) => ownershipOf(tags, wanted.tags) !== 'ours')) {
    return 'it does not bear the tags of this project and region';
  }
  if (!user || isAdopted(user.tags)) return undefined;
  if ((await ctx.aws.identity()).arn === user.arn) return 'it is the calling user';
  const known = [...wanted.attached, ...ownAttachments(wanted, seen)];
  const foreign = [
    ...seen.attached.filter((arn) => !known.includes(arn)),
    ...seen.inline.map((name) => `inline policy ${name}`),
    ...seen.groups.map((name) => `group ${name}`),
    ...(wanted.who === 'imagePuller' ? await otherKeys(ctx) : []),
  ];
  return foreign.length > 0 ? `it has what is not ours: ${foreign.join(', ')}` : undefined;
}

async function otherKeys(ctx: Context): Promise<string[]> {
  const state = await observeKey(ctx);
  return [...foreignKeys(state), ...unknownKeys(state)].map(({ id }) => `access key ${id}`);
}

const kept = ({ name }: WantedUser, why: string): Finding => ({
  level: 'warning',
  code: 'left-behind',
  target: userTarget(name),
  what: `IAM user ${name} is left, with its policy`,
  why,
  hint: `Look at it: \`aws iam get-user --user-name ${name}\`. When that is dealt with, run the same command again.`,
});
