import type { ManagedPolicy, Tags, User } from '../../clients/aws/port.ts';
import type { Config } from '../../config/schema.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith } from '../../core/step.ts';
import type { IamContext } from '../context.ts';
import { awsTags, isCreatedHere, ownershipOf } from '../tags.ts';
import { namesIn } from '../names.ts';
import { policyDocument } from '../policies/documents.ts';
import type { PolicyDocument } from '../policies/document.ts';

/** The role of a user, which is also its key in the configuration. */
export type UserRole = keyof Config['users'];

/** The argument of `ecr-bootstrap policy` for a user's document, which is also the ID of its step. */
export const documentOf = { powerUser: 'power-user', imagePuller: 'image-puller' } as const;

export interface WantedUser {
  readonly who: UserRole;
  readonly name: string;
  readonly path: string;
  readonly permissionsBoundary: string | undefined;
  readonly tags: Tags;
  /** `false`: another tool creates the user, so it is only verified. */
  readonly manage: boolean;
  /** The customer managed policy for this user. It is in use when {@link WantedUser.attached} contains it. */
  readonly policy: { readonly name: string; readonly arn: string; readonly document: PolicyDocument };
  /** ARN of the AWS managed policy that `policy: managed` attaches. */
  readonly managedPolicyArn: string;
  /** ARNs of the policies to attach. */
  readonly attached: readonly string[];
}

/** The kind of a change, with the data that `apply` needs in addition to the state. */
export type UserWork =
  /** `untag`: removes these tags, by which it is managed, and keeps the resource. */
  | { readonly on: 'user' | 'policy'; readonly untag?: readonly string[] }
  | { readonly on: 'attachment'; readonly policyArn: string }
  | { readonly on: 'accessKey'; readonly id: string };

export type UserChange = ChangeWith<UserWork>;

export interface UserState {
  readonly wanted: WantedUser;
  readonly callerIsPowerUser: boolean;
  /** Undefined when the caller may not read an unmanaged user. */
  readonly observed: ObservedUser | undefined;
}

export interface ObservedUser {
  readonly user: User | undefined;
  /** ARNs of the attached policies. */
  readonly attached: readonly string[];
  readonly inline: readonly string[];
  readonly groups: readonly string[];
  /** The customer managed policy, attached or not. */
  readonly policy: ManagedPolicy | undefined;
}

/** @param findKmsKeys returns the KMS keys that encrypt the secrets now */
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
  // The AWS managed policy for pulling does not allow reading the secrets. The one for power users is sufficient.
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

/** Whether the user has the tags of this project although `manage` is false. `down` needs its policy then. */
const isLeftToAdministrator = async (user: Promise<User | undefined>, wanted: Tags): Promise<boolean> =>
  ownershipOf((await user)?.tags ?? {}, wanted) === 'managed';

async function observeExisting(
  { name, manage, policy, tags }: WantedUser,
  { aws: { iam } }: IamContext,
): Promise<ObservedUser | undefined> {
  try {
    const user = iam.user(name);
    const ifThere = async <T>(list: (userName: string) => Promise<readonly T[]>): Promise<readonly T[]> =>
      (await user) ? list(name) : [];
    const [found, attached, inline, groups, ownPolicy] = await Promise.all([
      user,
      ifThere((one) => iam.attachedPolicies(one)),
      ifThere((one) => iam.inlinePolicies(one)),
      ifThere((one) => iam.groups(one)),
      manage || (await isLeftToAdministrator(user, tags)) ? iam.policy(policy.arn) : undefined,
    ]);
    return { user: found, attached, inline, groups, policy: ownPolicy };
  } catch (error) {
    if (!manage && error instanceof BootstrapError && error.code === 'aws-denied') return undefined;
    throw error;
  }
}

/**
 * ARNs of the policies that ecr-bootstrap attaches with any value of `policy`. Excludes the AWS managed policy for an
 * adopted user, which may have had it before.
 */
export const ownAttachments = (
  { policy, managedPolicyArn, tags }: WantedUser,
  { user }: ObservedUser,
): readonly string[] =>
  user && isCreatedHere(user.tags, tags) ? [policy.arn, managedPolicyArn] : [policy.arn];
