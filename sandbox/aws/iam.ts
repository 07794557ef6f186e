import { iamPolicies, type UserInput } from './iam-policies.ts';
import { alreadyExists, deleteConflict, limitExceeded, noSuchEntity } from './iam-refusals.ts';
import type { AccessKey, Identities, User } from './identities.ts';
import { addTags, tagList, type Caller, type Service, type Tag } from './service.ts';

interface KeyInput extends UserInput {
  readonly AccessKeyId: string;
}

interface SimulationInput {
  readonly PolicySourceArn: string;
  readonly ActionNames: readonly string[];
  readonly ResourceArns?: readonly string[];
  readonly ContextEntries?: readonly {
    readonly ContextKeyName: string;
    readonly ContextKeyValues: string[];
  }[];
}

const evalDecisions = {
  allowed: 'allowed',
  'denied explicitly': 'explicitDeny',
  'not allowed': 'implicitDeny',
} as const;

/** IAM: users with their keys and tags; policies are in iam-policies.ts. */
export function iam(identities: Identities): Service {
  const { users, keys, clock } = identities;

  const find = ({ UserName }: UserInput, caller: Caller): User => {
    const name = UserName ?? caller.user.name;
    const user = users.get(name);
    if (!user) throw noSuchEntity(`The user with name ${name}`);
    return user;
  };
  const keysOf = (user: User) =>
    [...keys.values()].filter((key) => key.user === user && key.id.startsWith('AKIA'));
  const findKey = (input: KeyInput, caller: Caller): AccessKey => {
    const key = keysOf(find(input, caller)).find(({ id }) => id === input.AccessKeyId);
    if (!key) throw noSuchEntity(`The Access Key with id ${input.AccessKeyId}`);
    return key;
  };

  const userView = (user: User) => ({
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: user.arn,
    CreateDate: new Date(user.created),
    Tags: tagList(user.tags),
    PermissionsBoundary: user.boundary && {
      PermissionsBoundaryType: 'Policy',
      PermissionsBoundaryArn: user.boundary,
    },
  });
  const keyView = ({ id, user, active, created }: AccessKey) => ({
    UserName: user.name,
    AccessKeyId: id,
    Status: active ? 'Active' : 'Inactive',
    CreateDate: new Date(created),
  });

  return {
    name: 'iam',
    snapshot: () => iam(identities.copy()),
    target(
      operation,
      input: UserInput & {
        PolicyArn?: string;
        PolicyName?: string;
        Path?: string;
        PolicySourceArn?: string;
        AccessKeyId?: string;
        PermissionsBoundary?: string;
      },
      caller,
    ) {
      if (operation === 'SimulatePrincipalPolicy') return { arn: input.PolicySourceArn ?? '*' };
      const { UserName, PolicyArn, PolicyName = '', Path = '/', AccessKeyId = '' } = input;
      if (/Policy(Version|Tags)?s?$/.test(operation) && !operation.includes('User')) {
        const arn = PolicyArn ?? identities.arn('policy', Path, PolicyName);
        return { arn, tags: identities.policies.get(arn)?.tags };
      }
      // Of the requests about keys, only this one does not name the user. IAM authorizes it by the owner of the key.
      const owner = operation === 'GetAccessKeyLastUsed' ? keys.get(AccessKeyId)?.user : undefined;
      const user = owner ?? (UserName === undefined ? caller.user : users.get(UserName));
      const arn = user?.arn ?? identities.arn('user', Path, UserName ?? '');
      // The requested boundary, by default the current one of the user.
      const boundary = input.PermissionsBoundary ?? user?.boundary;
      return {
        arn,
        tags: user?.tags,
        keys: { 'iam:PolicyARN': PolicyArn, 'iam:PermissionsBoundary': boundary },
      };
    },
    operations: {
      ...iamPolicies(identities, find),
      SimulatePrincipalPolicy({ PolicySourceArn, ActionNames, ...input }: SimulationInput) {
        const user = [...users.values()].find(({ arn }) => arn === PolicySourceArn);
        if (!user) throw noSuchEntity(`The principal with ARN ${PolicySourceArn}`);
        const keys = Object.fromEntries(
          (input.ContextEntries ?? []).map((entry) => [entry.ContextKeyName, entry.ContextKeyValues]),
        );
        const results = ActionNames.flatMap((action) =>
          (input.ResourceArns ?? ['*']).map((resource) => ({
            EvalActionName: action,
            EvalResourceName: resource,
            EvalDecision: evalDecisions[identities.allows(user, { action, resource, keys })],
          })),
        );
        return { EvaluationResults: results, IsTruncated: false };
      },
      CreateUser(input: { UserName: string; Path?: string; Tags?: Tag[]; PermissionsBoundary?: string }) {
        if (users.has(input.UserName)) throw alreadyExists(`User with name ${input.UserName}`);
        const user = identities.addUser(input.UserName, input.Path);
        addTags(user.tags, input.Tags);
        user.boundary = input.PermissionsBoundary;
        return { User: userView(user) };
      },
      GetUser: (input: UserInput, caller) => ({ User: userView(find(input, caller)) }),
      DeleteUser(input: UserInput, caller) {
        const user = find(input, caller);
        if (keysOf(user).length > 0) throw deleteConflict('must delete access keys first');
        if (user.attached.size > 0) throw deleteConflict('must detach all policies first');
        if (user.inline.size > 0) throw deleteConflict('must delete policies first');
        if (user.groups.size > 0) throw deleteConflict('must remove users from group first');
        users.delete(user.name);
        return undefined;
      },
      DeleteLoginProfile({ UserName }: UserInput) {
        throw noSuchEntity(`Login Profile for User ${UserName}`);
      },
      TagUser(input: UserInput & { Tags: Tag[] }, caller) {
        addTags(find(input, caller).tags, input.Tags);
        return undefined;
      },
      UntagUser(input: UserInput & { TagKeys: string[] }, caller) {
        for (const key of input.TagKeys) find(input, caller).tags.delete(key);
        return undefined;
      },
      ListUserTags: (input: UserInput, caller) => ({
        Tags: tagList(find(input, caller).tags),
        IsTruncated: false,
      }),
      ListGroupsForUser: (input: UserInput, caller) => ({
        Groups: [...find(input, caller).groups].map((name) => ({
          Path: '/',
          GroupName: name,
          GroupId: `AGPA${name}`,
          Arn: `arn:aws:iam::${identities.account}:group/${name}`,
          CreateDate: new Date(0),
        })),
        IsTruncated: false,
      }),
      PutUserPermissionsBoundary(input: UserInput & { PermissionsBoundary: string }, caller) {
        find(input, caller).boundary = input.PermissionsBoundary;
        return undefined;
      },
      DeleteUserPermissionsBoundary(input: UserInput, caller) {
        find(input, caller).boundary = undefined;
        return undefined;
      },
      CreateAccessKey(input: UserInput, caller) {
        const user = find(input, caller);
        if (keysOf(user).length >= 2) throw limitExceeded('AccessKeysPerUser: 2');
        const key = identities.addKey(user);
        return { AccessKey: { ...keyView(key), SecretAccessKey: key.secret } };
      },
      ListAccessKeys: (input: UserInput, caller) => ({
        AccessKeyMetadata: keysOf(find(input, caller)).map(keyView),
        IsTruncated: false,
      }),
      UpdateAccessKey(input: KeyInput & { Status: string }, caller) {
        identities.setActive(findKey(input, caller), input.Status === 'Active');
        return undefined;
      },
      DeleteAccessKey(input: KeyInput, caller) {
        identities.deleteKey(findKey(input, caller));
        return undefined;
      },
      GetAccessKeyLastUsed({ AccessKeyId }: KeyInput) {
        const key = keys.get(AccessKeyId);
        if (!key) throw noSuchEntity(`The Access Key with id ${AccessKeyId}`);
        const { at, service } = key.lastUsed ?? {};
        return {
          UserName: key.user.name,
          AccessKeyLastUsed: {
            LastUsedDate: at === undefined ? undefined : new Date(Math.min(at, clock.now())),
            ServiceName: service ?? 'N/A',
            Region: 'N/A',
          },
        };
      },
    },
  };
}
