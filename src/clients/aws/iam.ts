import type { AccessKeyMetadata, IAM, User as SdkUser } from '@aws-sdk/client-iam';
import { onceFulfilled } from '../../core/once.ts';
import { Secret } from '../../core/secret.ts';
import { undefinedIfAbsent, createdOrExists } from './errors.ts';
import { deletePolicy, updatePolicy } from './iam-policy-versions.ts';
import type { AccessKey, IamPort, KeyPair, User } from './port.ts';
import { allPages, tagList, tagRecord, type AwsSession } from './session.ts';

const absent = ['NoSuchEntity'];
const present = 'EntityAlreadyExists';

export function createIam({ call, settings }: AwsSession): IamPort {
  const client = onceFulfilled(async () => new (await import('@aws-sdk/client-iam')).IAM(settings));
  const read = <T>(action: string, what: string, send: (iam: IAM) => Promise<T>) =>
    call(`iam:${action}`, what, async () => send(await client()));
  /** A list of what a user has. Empty if the user no longer exists. */
  const list = async <T>(action: string, what: string, send: (iam: IAM) => Promise<T[]>): Promise<T[]> =>
    (await undefinedIfAbsent(absent, read(action, what, send))) ?? [];
  /** Sends a write and ignores its result. */
  const write = async (action: string, what: string, send: (iam: IAM) => Promise<unknown>): Promise<void> => {
    await read(action, what, send);
  };

  return {
    user: async (name) => {
      const found = await undefinedIfAbsent(
        absent,
        read('GetUser', `read IAM user ${name}`, (iam) => iam.getUser({ UserName: name })),
      );
      return found?.User && toUser(found.User);
    },
    createUser: ({ name, path, permissionsBoundary, tags }) =>
      createdOrExists(
        present,
        write('CreateUser', `create IAM user ${name}`, (iam) =>
          iam.createUser({
            UserName: name,
            Path: path,
            Tags: tagList(tags),
            ...(permissionsBoundary ? { PermissionsBoundary: permissionsBoundary } : {}),
          }),
        ),
      ),
    deleteUser: async (name) => {
      await undefinedIfAbsent(
        absent,
        write('DeleteUser', `delete IAM user ${name}`, (iam) => iam.deleteUser({ UserName: name })),
      );
    },
    tagUser: (name, tags) =>
      write('TagUser', `tag IAM user ${name}`, (iam) => iam.tagUser({ UserName: name, Tags: tagList(tags) })),
    untagUser: (name, keys) =>
      write('UntagUser', `untag IAM user ${name}`, (iam) =>
        iam.untagUser({ UserName: name, TagKeys: [...keys] }),
      ),
    setPermissionsBoundary: (name, arn) => {
      const what = `set the permissions boundary of IAM user ${name}`;
      return arn
        ? write('PutUserPermissionsBoundary', what, (iam) =>
            iam.putUserPermissionsBoundary({ UserName: name, PermissionsBoundary: arn }),
          )
        : write('DeleteUserPermissionsBoundary', what, (iam) =>
            iam.deleteUserPermissionsBoundary({ UserName: name }),
          );
    },
    attachedPolicies: (userName) =>
      list('ListAttachedUserPolicies', `list the policies of IAM user ${userName}`, (iam) =>
        allPages(async (token) => {
          const page = await iam.listAttachedUserPolicies({ UserName: userName, ...marker(token) });
          return { items: page.AttachedPolicies?.map(({ PolicyArn = '' }) => PolicyArn), next: page.Marker };
        }),
      ),
    inlinePolicies: (userName) =>
      list('ListUserPolicies', `list the inline policies of IAM user ${userName}`, (iam) =>
        allPages(async (token) => {
          const page = await iam.listUserPolicies({ UserName: userName, ...marker(token) });
          return { items: page.PolicyNames, next: page.Marker };
        }),
      ),
    groups: (userName) =>
      list('ListGroupsForUser', `list the groups of IAM user ${userName}`, (iam) =>
        allPages(async (token) => {
          const page = await iam.listGroupsForUser({ UserName: userName, ...marker(token) });
          return { items: page.Groups?.map(({ GroupName = '' }) => GroupName), next: page.Marker };
        }),
      ),
    attachPolicy: (userName, policyArn) =>
      write('AttachUserPolicy', `attach ${policyArn} to IAM user ${userName}`, (iam) =>
        iam.attachUserPolicy({ UserName: userName, PolicyArn: policyArn }),
      ),
    detachPolicy: async (userName, policyArn) => {
      await undefinedIfAbsent(
        absent,
        write('DetachUserPolicy', `detach ${policyArn} from IAM user ${userName}`, (iam) =>
          iam.detachUserPolicy({ UserName: userName, PolicyArn: policyArn }),
        ),
      );
    },
    policy: async (arn) => {
      const found = await undefinedIfAbsent(
        absent,
        read('GetPolicy', `read policy ${arn}`, (iam) => iam.getPolicy({ PolicyArn: arn })),
      );
      if (!found?.Policy) return undefined;
      const { DefaultVersionId: defaultVersion = '', Tags } = found.Policy;
      const { PolicyVersion: version } = await read('GetPolicyVersion', `read policy ${arn}`, (iam) =>
        iam.getPolicyVersion({ PolicyArn: arn, VersionId: defaultVersion }),
      );
      // IAM returns documents URL-encoded.
      const document: unknown = JSON.parse(decodeURIComponent(version?.Document ?? '{}'));
      return { arn, defaultVersion, document, tags: tagRecord(Tags) };
    },
    createPolicy: ({ name, path, description, document, tags }) =>
      createdOrExists(
        present,
        write('CreatePolicy', `create policy ${name}`, (iam) =>
          iam.createPolicy({
            PolicyName: name,
            Path: path,
            Description: description,
            PolicyDocument: JSON.stringify(document),
            Tags: tagList(tags),
          }),
        ),
      ),
    updatePolicy: (arn, document) => updatePolicy(read, arn, document),
    deletePolicy: (arn) => deletePolicy(read, arn),
    tagPolicy: (arn, tags) =>
      write('TagPolicy', `tag policy ${arn}`, (iam) =>
        iam.tagPolicy({ PolicyArn: arn, Tags: tagList(tags) }),
      ),
    untagPolicy: (arn, keys) =>
      write('UntagPolicy', `untag policy ${arn}`, (iam) =>
        iam.untagPolicy({ PolicyArn: arn, TagKeys: [...keys] }),
      ),
    accessKeys: (userName) =>
      list('ListAccessKeys', `list the access keys of IAM user ${userName}`, (iam) =>
        allPages(async (token) => {
          const page = await iam.listAccessKeys({ UserName: userName, ...marker(token) });
          return { items: page.AccessKeyMetadata?.map(toAccessKey), next: page.Marker };
        }),
      ),
    createAccessKey: (userName) =>
      call('iam:CreateAccessKey', `create an access key of IAM user ${userName}`, async () => {
        const { IAM } = await import('@aws-sdk/client-iam');
        const iam = new IAM({ ...settings, maxAttempts: 1 });
        const { AccessKey: key } = await iam.createAccessKey({ UserName: userName });
        return toKeyPair(key);
      }),
    disableAccessKey: async (userName, id) => {
      await undefinedIfAbsent(
        absent,
        write('UpdateAccessKey', `disable access key ${id}`, (iam) =>
          iam.updateAccessKey({ UserName: userName, AccessKeyId: id, Status: 'Inactive' }),
        ),
      );
    },
    deleteAccessKey: async (userName, id) => {
      await undefinedIfAbsent(
        absent,
        write('DeleteAccessKey', `delete access key ${id} of IAM user ${userName}`, (iam) =>
          iam.deleteAccessKey({ UserName: userName, AccessKeyId: id }),
        ),
      );
    },
    deniedActions: async ({ principal, actions, resources, context }) => {
      const answers = await Promise.all(
        resources.map((resource) =>
          undefinedIfAbsent(
            [...absent, 'AccessDenied', 'InvalidInput'],
            read('SimulatePrincipalPolicy', `simulate the policies of ${principal}`, (iam) =>
              allPages(async (token) => {
                const page = await iam.simulatePrincipalPolicy({
                  PolicySourceArn: principal,
                  ActionNames: [...actions],
                  ResourceArns: [resource],
                  ContextEntries: context.map(([key, values]) => ({
                    ContextKeyName: key,
                    ContextKeyValues: [...values],
                    ContextKeyType: values.length === 1 ? 'string' : 'stringList',
                  })),
                  ...marker(token),
                });
                return { items: page.EvaluationResults, next: page.IsTruncated ? page.Marker : undefined };
              }),
            ),
          ),
        ),
      );
      if (answers.includes(undefined)) return undefined;
      const denied = answers.flatMap((results) =>
        (results ?? []).filter(({ EvalDecision }) => EvalDecision !== 'allowed'),
      );
      return [...new Set(denied.map(({ EvalActionName = '' }) => EvalActionName))];
    },
    accessKeyLastUsed: async (id) => {
      const found = await undefinedIfAbsent(
        absent,
        read('GetAccessKeyLastUsed', `read the use of access key ${id}`, (iam) =>
          iam.getAccessKeyLastUsed({ AccessKeyId: id }),
        ),
      );
      return found?.AccessKeyLastUsed?.LastUsedDate?.getTime();
    },
  };
}

const marker = (token: string | undefined): { Marker?: string } => (token ? { Marker: token } : {});

function toUser({ UserName = '', Arn = '', Path = '/', PermissionsBoundary, Tags }: Partial<SdkUser>): User {
  const boundary = PermissionsBoundary?.PermissionsBoundaryArn;
  return {
    name: UserName,
    arn: Arn,
    path: Path,
    tags: tagRecord(Tags),
    ...(boundary ? { permissionsBoundary: boundary } : {}),
  };
}

function toAccessKey(key: AccessKeyMetadata): AccessKey {
  return {
    id: key.AccessKeyId ?? '',
    active: key.Status === 'Active',
    created: key.CreateDate?.getTime() ?? 0,
  };
}

function toKeyPair(
  key: { AccessKeyId: string | undefined; SecretAccessKey: string | undefined } | undefined,
): KeyPair {
  if (!key?.AccessKeyId || !key.SecretAccessKey) throw new Error('IAM answered without a key');
  return { accessKeyId: key.AccessKeyId, secretAccessKey: new Secret(key.SecretAccessKey) };
}
