import type { ManagedPolicy, Tags, User } from '../../clients/aws/port.ts';
import type { Config } from '../../config/schema.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith } from '../../core/step.ts';
import type { IamContext } from '../context.ts';
import { awsTags, isCreatedByUs, ownershipOf } from '../tags.ts';
import { namesIn } from '../names.ts';
import { policyDocument } from '../policies/documents.ts';
import type { PolicyDocument } from '../policies/document.ts';

/** Which of the two users: also the key of its configuration. */
export type UserRole = keyof Config['users'];

/** The name under which `ecr-bootstrap policy` prints a user's document, and the id of its step. */
export const documentOf = { powerUser: 'power-user', imagePuller: 'image-puller' } as const;

export interface WantedUser {
  readonly who: UserRole;
  readonly name: string;
  readonly path: string;
  readonly permissionsBoundary: string | undefined;
  readonly tags: Tags;
  /** `false`: made elsewhere, only verified. */
  readonly manage: boolean;
  /** Our own policy for this user; whether it is in use is told by {@link WantedUser.attached}. */
  readonly policy: { readonly name: string; readonly arn: string; readonly document: PolicyDocument };
  /** ARN of the policy of AWS that `policy: managed` attaches. */
  readonly managedPolicyArn: string;
  /** ARNs of the policies that are to be attached. */
  readonly attached: readonly string[];
}

/** What one change is about, and what `apply` needs besides the state. */
export type UserWork =
  /** `untag`: the tags by which it is managed are removed, and the rest stays. */
  | { readonly on: 'user' | 'policy'; readonly untag?: readonly string[] }
  | { readonly on: 'attachment'; readonly policyArn: string }
  | { readonly on: 'accessKey'; readonly id: string };

export type UserChange = ChangeWith<UserWork>;

export interface UserState {
  readonly wanted: WantedUser;
  readonly callerIsPowerUser: boolean;
  /** What IAM has; undefined when the caller may not look and need not, because the user is made elsewhere. */
  readonly observed: ObservedUser | undefined;
}

export interface ObservedUser {
  readonly user: User | undefined;
  /** ARNs. */
  readonly attached: readonly string[];
  readonly inline: readonly string[];
  readonly groups: readonly string[];
  /** Our policy, attached or not. */
  readonly policy: ManagedPolicy | undefined;
}

/** @param findKmsKeys with which the secrets are encrypted now */
export async function observeUser(
  who: UserRole,
  ctx: IamContext,
  findKmsKeys: () => Promise<readonly string[]>,
): Promise<UserState> {
  const [identity, keysInUse] = await Promise.all([ctx.aws.identity(), findKmsKeys()]);
  const wanted = wantedUser(who, ctx.config, identity, keysInUse);
  const callerIsPowerUser = identity.arn === namesIn(ctx.config, identity).powerUser.userArn;
  return { wanted, callerIsPowerUser, observed: await observeExisting(wanted, ctx) };
}

function wantedUser(
  who: UserRole,
  config: Config,
  account: { partition: string; accountId: string; region: string },
  keysInUse: readonly string[],
): WantedUser {
  const settings = config.users[who];
  const names = namesIn(config, account)[who];
  const isPrecise = settings.policy === 'precise';
  // AWS's policy for pulling knows nothing of our secrets; its policy for power users has all that we take from it.
  const own = isPrecise || who === 'imagePuller' ? [names.policyArn] : [];
  return {
    who,
    name: names.user,
    path: names.path,
    permissionsBoundary: settings.permissionsBoundary,
    tags: awsTags(config),
    manage: settings.manage,
    policy: {
      name: names.policy,
      arn: names.policyArn,
      document: policyDocument(documentOf[who], config, account, keysInUse),
    },
    managedPolicyArn: names.managedPolicyArn,
    attached: isPrecise ? own : [names.managedPolicyArn, ...own],
  };
}

/** A user of ours that the configuration does not name as ours any more: `down` needs to know its policy. */
const isLeftToAdministrator = async (user: Promise<User | undefined>, wanted: Tags): Promise<boolean> =>
  ownershipOf((await user)?.tags ?? {}, wanted) === 'ours';

async function observeExisting(
  { name, manage, policy, tags }: WantedUser,
  { aws: { iam } }: IamContext,
): Promise<ObservedUser | undefined> {
  try {
    const user = iam.user(name);
    const ifThere = async <T>(list: (userName: string) => Promise<readonly T[]>): Promise<readonly T[]> =>
      (await user) ? list(name) : [];
    const [found, attached, inline, groups, ours] = await Promise.all([
      user,
      ifThere((one) => iam.attachedPolicies(one)),
      ifThere((one) => iam.inlinePolicies(one)),
      ifThere((one) => iam.groups(one)),
      manage || (await isLeftToAdministrator(user, tags)) ? iam.policy(policy.arn) : undefined,
    ]);
    return { user: found, attached, inline, groups, policy: ours };
  } catch (error) {
    if (!manage && error instanceof BootstrapError && error.code === 'aws-denied') return undefined;
    throw error;
  }
}

/**
 * ARNs of the policies that this program attaches with one setting or another. What an adopted user had may include the
 * policy of AWS.
 */
export const ownAttachments = (
  { policy, managedPolicyArn, tags }: WantedUser,
  { user }: ObservedUser,
): readonly string[] =>
  user && isCreatedByUs(user.tags, tags) ? [policy.arn, managedPolicyArn] : [policy.arn];
