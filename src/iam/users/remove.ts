import { attachmentTarget, keyTarget, policyTarget, userTarget } from './targets.ts';
import type { Tags } from '../../clients/aws/port.ts';
import type { Diff } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { isAdopted, markKeysIn, ownershipOf, release } from '../tags.ts';
import type { IamContext } from '../context.ts';
import {
  type ObservedUser,
  ownAttachments,
  type UserChange,
  type UserState,
  type UserWork,
  type WantedUser,
} from './state.ts';

/**
 * Deletes the user with its keys and policy. Adopted resources are kept, and lose the tags of ecr-bootstrap. A user is
 * also kept when it is unmanaged or the caller, or has unmanaged keys, policies or groups: IAM cannot delete it then.
 * @param findOtherKeys returns the IDs of the user's unmanaged access keys
 */
export async function removeUser(
  { wanted, observed, callerIsPowerUser }: UserState,
  ctx: IamContext,
  findOtherKeys: () => Promise<readonly string[]>,
): Promise<Diff<UserChange>> {
  if (!observed || !isManaged(wanted, observed)) return { changes: [], findings: [] };
  const reason = callerIsPowerUser
    ? 'the caller is one of the two users and may not change them; run the same command as an administrator'
    : await whyKept(wanted, observed, ctx, findOtherKeys);
  if (reason !== undefined) return { changes: [], findings: [kept(wanted, reason)] };
  const { user, policy, attached } = observed;
  // The step that created the image puller's keys deletes them. The keys of power-user were created by hand.
  const isUserAdopted = isAdopted(user?.tags);
  const isKept = (arn: string): boolean =>
    isUserAdopted && (arn !== wanted.policy.arn || isAdopted(policy?.tags));
  const keys =
    user && wanted.who === 'powerUser' && !isUserAdopted ? await ctx.aws.iam.accessKeys(wanted.name) : [];
  return {
    changes: [
      ...keys.map(({ id }) => deletion(keyTarget(id), { on: 'accessKey', id })),
      ...attached
        .filter((arn) => !isKept(arn))
        .map((policyArn) => ({
          ...deletion(attachmentTarget(wanted.name, policyArn), { on: 'attachment', policyArn }),
          // The user and the policy stand for it.
          label: '',
        })),
      ...(user ? [deletionOrRelease('user', userTarget(wanted.name), user.tags)] : []),
      ...(policy ? [deletionOrRelease('policy', policyTarget(wanted.policy.name), policy.tags)] : []),
    ],
    findings: [],
  };
}

/** Tags identify created resources. A user that another tool creates does not have these tags. */
const isManaged = ({ manage, tags }: WantedUser, { user, policy }: ObservedUser): boolean =>
  manage || [user, policy].some((one) => ownershipOf(one?.tags ?? {}, tags) === 'managed');

const deletion = (target: Target, payload: UserWork): UserChange => ({
  action: 'delete',
  target,
  fields: [],
  grants: true,
  payload,
});

const deletionOrRelease = (on: 'user' | 'policy', target: Target, tags: Tags): UserChange =>
  isAdopted(tags)
    ? { ...release(target, tags), grants: true, payload: { on, untag: markKeysIn(tags) } }
    : deletion(target, { on });

async function whyKept(
  wanted: WantedUser,
  observed: ObservedUser,
  ctx: IamContext,
  findOtherKeys: () => Promise<readonly string[]>,
): Promise<string | undefined> {
  const { user, policy } = observed;
  const found = [user, policy].filter((one) => one !== undefined);
  if (found.some(({ tags }) => ownershipOf(tags, wanted.tags) !== 'managed')) {
    return 'it does not have the tags of this project and region';
  }
  if (!user || isAdopted(user.tags)) return undefined;
  if ((await ctx.aws.identity()).arn === user.arn) return 'it is the calling user';
  const known = [...wanted.attached, ...ownAttachments(wanted, observed)];
  const unmanaged = [
    ...observed.attached.filter((arn) => !known.includes(arn)),
    ...observed.inline.map((name) => `inline policy ${name}`),
    ...observed.groups.map((name) => `group ${name}`),
    ...(await findOtherKeys()).map((id) => `access key ${id}`),
  ];
  return unmanaged.length > 0 ? `it has unmanaged permissions or keys: ${unmanaged.join(', ')}` : undefined;
}

const kept = ({ name }: WantedUser, why: string): Finding =>
  finding('left-behind', {
    target: userTarget(name),
    what: `IAM user ${name} and its policy are kept`,
    why,
    hint: `Check it: \`aws iam get-user --user-name ${name}\`. Fix the cause, then run the same command again.`,
  });
