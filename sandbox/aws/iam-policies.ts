import { AwsRefusal } from '../ports.ts';
import { alreadyExists, deleteConflict, limitExceeded, noSuchEntity } from './iam-refusals.ts';
import type { Identities, Policy, User } from './identities.ts';
import { statementsOf } from './policy.ts';
import { addTags, tagList, type Caller, type Operation, type Tag } from './service.ts';

/** A request without a user name is about the calling user. */
export interface UserInput {
  readonly UserName?: string;
}
interface PolicyInput {
  readonly PolicyArn: string;
}
interface InlineInput extends UserInput {
  readonly PolicyName: string;
}
interface VersionInput extends PolicyInput {
  readonly VersionId: string;
}

/** Versions of a managed policy. */
const MAX_VERSIONS = 5;
/** Characters without white space, in all inline policies of a user together and in one managed policy. */
const MAX_INLINE = 2048;
const MAX_MANAGED = 6144;

const length = (document: string) => document.replace(/\s/g, '').length;

const checked = (document: string, limit: number, taken = 0): string => {
  try {
    statementsOf(document);
  } catch {
    throw new AwsRefusal('MalformedPolicyDocument', 'Syntax errors in policy.');
  }
  if (taken + length(document) > limit) throw limitExceeded(`PolicySize: ${limit}`);
  return document;
};

/** IAM: customer managed policies with their versions, and attached and inline policies of users. */
export function iamPolicies(
  identities: Identities,
  findUser: (input: UserInput, caller: Caller) => User,
): Record<string, Operation> {
  const { policies, users, clock, account } = identities;

  const find = ({ PolicyArn }: PolicyInput): Policy => {
    const policy = policies.get(PolicyArn);
    if (!policy) throw noSuchEntity(`Policy ${PolicyArn}`);
    return policy;
  };
  const findVersion = (input: VersionInput) => {
    const policy = find(input);
    const version = policy.versions.get(input.VersionId);
    if (!version) throw noSuchEntity(`Policy ${policy.arn} version ${input.VersionId}`);
    return { policy, version };
  };
  const findInline = (input: InlineInput, caller: Caller) => {
    const user = findUser(input, caller);
    const document = user.inline.get(input.PolicyName);
    if (document === undefined) throw noSuchEntity(`The user policy with name ${input.PolicyName}`);
    return { user, document };
  };
  const usersOf = ({ arn }: Policy) => [...users.values()].filter((user) => user.attached.has(arn));

  const view = (policy: Policy) => ({
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    AttachmentCount: usersOf(policy).length,
    PermissionsBoundaryUsageCount: [...users.values()].filter((user) => user.boundary === policy.arn).length,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: new Date(policy.created),
    UpdateDate: new Date(Math.max(...[...policy.versions.values()].map(({ created }) => created))),
    Tags: tagList(policy.tags),
  });
  const versionView = (policy: Policy, id: string) => ({
    VersionId: id,
    IsDefaultVersion: policy.defaultVersion === id,
    CreateDate: new Date(policy.versions.get(id)?.created ?? policy.created),
  });

  return {
    CreatePolicy(input: {
      PolicyName: string;
      PolicyDocument: string;
      Path?: string;
      Description?: string;
      Tags?: Tag[];
    }) {
      const { PolicyName, PolicyDocument, Path = '/', Description } = input;
      if (policies.has(identities.arn('policy', Path, PolicyName))) {
        throw alreadyExists(`A policy called ${PolicyName}`);
      }
      const document = checked(PolicyDocument, MAX_MANAGED);
      const policy = identities.addPolicy(account, PolicyName, Path, document, Description);
      addTags(policy.tags, input.Tags);
      return { Policy: view(policy) };
    },
    GetPolicy: (input: PolicyInput) => ({ Policy: view(find(input)) }),
    DeletePolicy(input: PolicyInput) {
      const policy = find(input);
      if (usersOf(policy).length > 0) throw deleteConflict('must detach the policy from all entities first');
      if (policy.versions.size > 1) throw deleteConflict('must delete all non-default versions first');
      policies.delete(policy.arn);
      return undefined;
    },
    TagPolicy(input: PolicyInput & { Tags: Tag[] }) {
      addTags(find(input).tags, input.Tags);
      return undefined;
    },
    UntagPolicy(input: PolicyInput & { TagKeys: string[] }) {
      for (const key of input.TagKeys) find(input).tags.delete(key);
      return undefined;
    },
    ListPolicyTags: (input: PolicyInput) => ({ Tags: tagList(find(input).tags), IsTruncated: false }),
    ListEntitiesForPolicy: (input: PolicyInput) => ({
      PolicyUsers: usersOf(find(input)).map(({ name, id }) => ({ UserName: name, UserId: id })),
      PolicyGroups: [],
      PolicyRoles: [],
      IsTruncated: false,
    }),

    CreatePolicyVersion(input: PolicyInput & { PolicyDocument: string; SetAsDefault?: string }) {
      const policy = find(input);
      if (policy.versions.size >= MAX_VERSIONS) throw limitExceeded(`VersionsPerPolicy: ${MAX_VERSIONS}`);
      const document = checked(input.PolicyDocument, MAX_MANAGED);
      const id = `v${(policy.lastVersion += 1)}`;
      policy.versions.set(id, { document, created: clock.now() });
      if (input.SetAsDefault === 'true') policy.defaultVersion = id;
      return { PolicyVersion: versionView(policy, id) };
    },
    GetPolicyVersion(input: VersionInput) {
      const { policy, version } = findVersion(input);
      const Document = encodeURIComponent(version.document);
      return { PolicyVersion: { Document, ...versionView(policy, input.VersionId) } };
    },
    ListPolicyVersions(input: PolicyInput) {
      const policy = find(input);
      const newestFirst = [...policy.versions.keys()].reverse();
      return { Versions: newestFirst.map((id) => versionView(policy, id)), IsTruncated: false };
    },
    SetDefaultPolicyVersion(input: VersionInput) {
      findVersion(input).policy.defaultVersion = input.VersionId;
      return undefined;
    },
    DeletePolicyVersion(input: VersionInput) {
      const { policy } = findVersion(input);
      if (policy.defaultVersion === input.VersionId) {
        throw deleteConflict('the default version of a policy cannot be deleted');
      }
      policy.versions.delete(input.VersionId);
      return undefined;
    },

    AttachUserPolicy(input: UserInput & PolicyInput, caller) {
      findUser(input, caller).attached.add(find(input).arn);
      return undefined;
    },
    DetachUserPolicy(input: UserInput & PolicyInput, caller) {
      const detached = findUser(input, caller).attached.delete(input.PolicyArn);
      if (!detached) throw noSuchEntity(`Policy ${input.PolicyArn} attached to the user`);
      return undefined;
    },
    ListAttachedUserPolicies: (input: UserInput, caller) => ({
      AttachedPolicies: [...findUser(input, caller).attached].map((arn) => ({
        PolicyName: arn.split('/').at(-1),
        PolicyArn: arn,
      })),
      IsTruncated: false,
    }),

    PutUserPolicy(input: InlineInput & { PolicyDocument: string }, caller) {
      const { inline } = findUser(input, caller);
      const others = [...inline].filter(([name]) => name !== input.PolicyName);
      const taken = others.reduce((total, [, document]) => total + length(document), 0);
      inline.set(input.PolicyName, checked(input.PolicyDocument, MAX_INLINE, taken));
      return undefined;
    },
    GetUserPolicy(input: InlineInput, caller) {
      const { user, document } = findInline(input, caller);
      const PolicyDocument = encodeURIComponent(document);
      return { UserName: user.name, PolicyName: input.PolicyName, PolicyDocument };
    },
    DeleteUserPolicy(input: InlineInput, caller) {
      findInline(input, caller).user.inline.delete(input.PolicyName);
      return undefined;
    },
    ListUserPolicies: (input: UserInput, caller) => ({
      PolicyNames: [...findUser(input, caller).inline.keys()],
      IsTruncated: false,
    }),
  };
}
