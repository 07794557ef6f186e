import { randomUUID } from 'node:crypto';
import * as ECR from '@aws-sdk/client-ecr';
import * as IAM from '@aws-sdk/client-iam';
import * as SM from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { clients } from './support.ts';

let sandbox: Sandbox;
let admin: ReturnType<typeof clients>;
let count = 0;
const fresh = (prefix: string) => `${prefix}-${(count += 1)}`;

beforeAll(async () => {
  sandbox = await startSandbox();
  admin = clients(sandbox);
});
afterAll(() => sandbox.close());

/** A user with one inline policy of these statements. */
async function userWith(...statements: object[]) {
  const UserName = fresh('user');
  await admin.iam.send(new IAM.CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await admin.iam.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'inline', PolicyDocument }));
  const { AccessKey } = await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  return { UserName, accessKeyId, ...clients(sandbox, { accessKeyId, secretAccessKey }) };
}
const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition ? { Condition } : {}),
});

describe('AWS credentials', () => {
  const failures = async (credentials: {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken?: string;
  }) => {
    const { sts, ecr, secrets } = clients(sandbox, credentials);
    return Promise.all(
      [
        sts.send(new GetCallerIdentityCommand({})),
        ecr.send(new ECR.DescribeRegistryCommand({})),
        secrets.send(new SM.ListSecretsCommand({})),
      ].map((sent) =>
        sent.then(
          () => 'done',
          (error: unknown) => (error as Error).name,
        ),
      ),
    );
  };

  test('a wrong secret gives the error code of each service', async () => {
    expect(await failures({ ...sandbox.admin, secretAccessKey: 'wrong' })).toEqual([
      'SignatureDoesNotMatch',
      'InvalidSignatureException',
      'InvalidSignatureException',
    ]);
  });

  test('an unknown, inactive or deleted key gives the error code of each service', async () => {
    const codes = ['InvalidClientTokenId', 'UnrecognizedClientException', 'UnrecognizedClientException'];
    expect(await failures({ ...sandbox.admin, accessKeyId: 'AKIAUNKNOWN' })).toEqual(codes);

    const { key } = sandbox.aws.addUser(fresh('user'));
    const own = { UserName: `user-${count}`, AccessKeyId: key.accessKeyId };
    await admin.iam.send(new IAM.UpdateAccessKeyCommand({ ...own, Status: 'Inactive' }));
    expect(await failures(key)).toEqual(codes);
    await admin.iam.send(new IAM.UpdateAccessKeyCommand({ ...own, Status: 'Active' }));
    expect((await failures(key))[0]).toBe('done');
    await admin.iam.send(new IAM.DeleteAccessKeyCommand(own));
    expect(await failures(key)).toEqual(codes);
  });

  test('temporary credentials work until they expire', async () => {
    const { user } = sandbox.aws.addUser(fresh('user'));
    const { id, secret, sessionToken } = sandbox.aws.identities.addSession(user, 60_000);
    const credentials = { accessKeyId: id, secretAccessKey: secret, sessionToken };
    expect((await failures(credentials))[0]).toBe('done');
    expect((await failures({ ...credentials, sessionToken: 'other' }))[0]).toBe('InvalidClientTokenId');
    sandbox.clock.advance(61_000);
    expect(await failures(credentials)).toEqual([
      'ExpiredToken',
      'ExpiredTokenException',
      'ExpiredTokenException',
    ]);
  });

  test('a request with a clock skew of more than 15 minutes is refused', async () => {
    const { sts } = clients(sandbox);
    sts.config.systemClockOffset = -16 * 60_000;
    await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toThrow(/Signature expired/);
  });

  test('new keys and policies take effect after the lag', async () => {
    sandbox.aws.identities.lag = 10_000;
    const late = await userWith(allow('ecr:DescribeRegistry'));
    for (let more = 0; more < 5; more += 1) await userWith(allow('sts:*'));
    sandbox.aws.identities.lag = 0;
    const ask = () => late.ecr.send(new ECR.DescribeRegistryCommand({}));
    await expect(ask()).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
    sandbox.clock.advance(10_001);
    await expect(ask()).resolves.toMatchObject({ registryId: sandbox.account });
  });
});

describe('IAM policies', () => {
  test('an action that no statement allows is denied, with an error that names action and resource', async () => {
    const user = await userWith(allow('ecr:Describe*'));
    const refused = user.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName: 'p/x' }));
    const arn = `arn:aws:iam::${sandbox.account}:user/${user.UserName}`;
    await expect(refused).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: ${arn} is not authorized to perform: ecr:CreateRepository on resource: arn:aws:ecr:eu-west-1:123456789012:repository/p/x because no identity-based policy allows the ecr:CreateRepository action`,
    });
  });

  test('resources match with wildcards, and a list operation needs permission for all resources', async () => {
    const user = await userWith(allow('ecr:*', 'arn:aws:ecr:*:*:repository/mine/*'));
    await user.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName: 'mine/a' }));
    const denied = { name: 'AccessDeniedException' };
    const other = new ECR.CreateRepositoryCommand({ repositoryName: 'yours/a' });
    await expect(user.ecr.send(other)).rejects.toMatchObject(denied);
    await expect(user.ecr.send(new ECR.DescribeRepositoriesCommand({}))).rejects.toMatchObject(denied);
  });

  test('a deny overrides every allow', async () => {
    const user = await userWith(allow('*'), { Effect: 'Deny', NotAction: 'iam:*', Resource: '*' });
    await expect(user.ecr.send(new ECR.DescribeRegistryCommand({}))).rejects.toThrow(/with an explicit deny/);
    await user.iam.send(new IAM.GetUserCommand({}));
  });

  test('a permissions boundary limits what policies allow', async () => {
    const user = await userWith(allow('*'));
    await admin.iam.send(
      new IAM.PutUserPermissionsBoundaryCommand({
        UserName: user.UserName,
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly',
      }),
    );
    await user.ecr.send(new ECR.GetAuthorizationTokenCommand({}));
    await expect(user.ecr.send(new ECR.DescribeRegistryCommand({}))).rejects.toThrow(/permissions boundary/);
  });

  test('aws:TagKeys limits which tags can be set', async () => {
    const only = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['ecr-bootstrap:creating'] } };
    const user = await userWith(allow(['iam:TagUser', 'iam:UntagUser'], '*', only));
    const tag = (Key: string) =>
      user.iam.send(new IAM.TagUserCommand({ UserName: user.UserName, Tags: [{ Key, Value: '-' }] }));
    await tag('ecr-bootstrap:creating');
    await expect(tag('other')).rejects.toMatchObject({ name: 'AccessDenied' });
    const untag = new IAM.UntagUserCommand({ UserName: user.UserName, TagKeys: ['other'] });
    await expect(user.iam.send(untag)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('conditions on the tags of a request and of a resource are enforced', async () => {
    const user = await userWith(
      allow(['ecr:CreateRepository', 'ecr:TagResource'], '*', {
        StringLike: { 'aws:RequestTag/team': 'a*' },
      }),
      allow('ecr:DeleteRepository', '*', { StringEquals: { 'aws:ResourceTag/team': 'alpha' } }),
    );
    const create = (repositoryName: string, Value: string) =>
      user.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName, tags: [{ Key: 'team', Value }] }));
    await create('tagged/a', 'alpha');
    await create('tagged/b', 'aleph');
    await expect(create('tagged/c', 'beta')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await user.ecr.send(new ECR.DeleteRepositoryCommand({ repositoryName: 'tagged/a' }));
    const other = new ECR.DeleteRepositoryCommand({ repositoryName: 'tagged/b' });
    await expect(user.ecr.send(other)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('iam:PolicyARN limits which policies can be attached', async () => {
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly';
    const user = await userWith(
      allow('iam:AttachUserPolicy', '*', { ArnLike: { 'iam:PolicyARN': PolicyArn } }),
    );
    const { UserName } = user;
    await user.iam.send(new IAM.AttachUserPolicyCommand({ UserName, PolicyArn }));
    const more = { UserName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' };
    await expect(user.iam.send(new IAM.AttachUserPolicyCommand(more))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });

  test('creating a resource with tags needs the permission to tag it', async () => {
    const user = await userWith(allow('ecr:CreateRepository'));
    const tags = [{ Key: 'a', Value: 'b' }];
    const create = new ECR.CreateRepositoryCommand({ repositoryName: 'needs/tag', tags });
    await expect(user.ecr.send(create)).rejects.toThrow(/perform: ecr:TagResource/);
  });

  test('reading a secret with a customer managed key needs kms:Decrypt through Secrets Manager', async () => {
    const Name = fresh('secret');
    await admin.secrets.send(new SM.CreateSecretCommand({ Name, SecretString: 'x', KmsKeyId: 'alias/mine' }));
    const through = (service: string) => ({
      StringEquals: { 'kms:ViaService': `${service}.eu-west-1.amazonaws.com` },
    });
    const read = allow('secretsmanager:GetSecretValue');
    const get = new SM.GetSecretValueCommand({ SecretId: Name });
    const may = await userWith(read, allow('kms:Decrypt', '*', through('secretsmanager')));
    await may.secrets.send(get);
    const mayNot = await userWith(read, allow('kms:Decrypt', '*', through('s3')));
    await expect(mayNot.secrets.send(get)).rejects.toThrow(/perform: kms:Decrypt/);
  });
});

describe('IAM', () => {
  const document = (Action: string) => JSON.stringify({ Version: '2012-10-17', Statement: [allow(Action)] });

  test('a user has at most two access keys', async () => {
    const UserName = fresh('user');
    await admin.iam.send(new IAM.CreateUserCommand({ UserName }));
    await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    const third = admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    await expect(third).rejects.toMatchObject({ name: 'LimitExceededException' });
    const { AccessKeyMetadata } = await admin.iam.send(new IAM.ListAccessKeysCommand({ UserName }));
    expect(AccessKeyMetadata?.map(({ Status }) => Status)).toEqual(['Active', 'Active']);
  });

  test('an access key records the time and service of its last use', async () => {
    const { key } = sandbox.aws.addUser(fresh('user'));
    const { accessKeyId: AccessKeyId } = key;
    const last = async () =>
      (await admin.iam.send(new IAM.GetAccessKeyLastUsedCommand({ AccessKeyId }))).AccessKeyLastUsed;
    expect(await last()).toMatchObject({ ServiceName: 'N/A' });
    await clients(sandbox, key).sts.send(new GetCallerIdentityCommand({}));
    expect(await last()).toMatchObject({ ServiceName: 'sts', LastUsedDate: expect.any(Date) as Date });
  });

  test('a policy has at most five versions, and the default version is in effect', async () => {
    const { Policy } = await admin.iam.send(
      new IAM.CreatePolicyCommand({ PolicyName: fresh('policy'), PolicyDocument: document('ecr:*') }),
    );
    const PolicyArn = Policy?.Arn;
    const user = await userWith(allow('sts:*'));
    await admin.iam.send(new IAM.AttachUserPolicyCommand({ UserName: user.UserName, PolicyArn }));
    await user.ecr.send(new ECR.DescribeRegistryCommand({}));

    const next = { PolicyArn, PolicyDocument: document('iam:*') };
    await admin.iam.send(new IAM.CreatePolicyVersionCommand({ ...next, SetAsDefault: true }));
    await expect(user.ecr.send(new ECR.DescribeRegistryCommand({}))).rejects.toThrow(/not authorized/);
    for (let version = 3; version <= 5; version += 1) {
      await admin.iam.send(new IAM.CreatePolicyVersionCommand(next));
    }
    const sixth = admin.iam.send(new IAM.CreatePolicyVersionCommand(next));
    await expect(sixth).rejects.toMatchObject({ name: 'LimitExceededException' });
    const byDefault = admin.iam.send(new IAM.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v2' }));
    await expect(byDefault).rejects.toMatchObject({ name: 'DeleteConflictException' });
    await admin.iam.send(new IAM.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    const { Versions } = await admin.iam.send(new IAM.ListPolicyVersionsCommand({ PolicyArn }));
    expect(Versions?.map(({ VersionId }) => VersionId)).toEqual(['v5', 'v4', 'v3', 'v2']);
  });

  test('policy documents are returned URL-encoded', async () => {
    const user = await userWith(allow('ecr:Get*'));
    const { PolicyDocument = '' } = await admin.iam.send(
      new IAM.GetUserPolicyCommand({ UserName: user.UserName, PolicyName: 'inline' }),
    );
    expect(PolicyDocument).toMatch(/^%7B/);
    expect(JSON.parse(decodeURIComponent(PolicyDocument))).toMatchObject({
      Statement: [{ Action: 'ecr:Get*' }],
    });
  });

  test('a missing user, an existing name and a user with keys each give their error code', async () => {
    const UserName = fresh('user');
    await expect(admin.iam.send(new IAM.GetUserCommand({ UserName }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
    await admin.iam.send(new IAM.CreateUserCommand({ UserName, Tags: [{ Key: 'k', Value: 'a & <b>' }] }));
    await expect(admin.iam.send(new IAM.CreateUserCommand({ UserName }))).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
    });
    const { Tags } = await admin.iam.send(new IAM.ListUserTagsCommand({ UserName }));
    expect(Tags).toEqual([{ Key: 'k', Value: 'a & <b>' }]);
    await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    await expect(admin.iam.send(new IAM.DeleteUserCommand({ UserName }))).rejects.toMatchObject({
      name: 'DeleteConflictException',
    });
  });
});

describe('Secrets Manager', () => {
  const createSecret = async (SecretString?: string) => {
    const Name = fresh('secret');
    await admin.secrets.send(new SM.CreateSecretCommand({ Name, SecretString }));
    return Name;
  };
  const put = (SecretId: string, SecretString: string, more: Partial<SM.PutSecretValueCommandInput> = {}) =>
    admin.secrets.send(new SM.PutSecretValueCommand({ SecretId, SecretString, ...more }));
  const value = async (SecretId: string, VersionStage = 'AWSCURRENT') =>
    (await admin.secrets.send(new SM.GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;

  test('a secret that is created without a value has no version', async () => {
    const SecretId = await createSecret();
    await expect(value(SecretId)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const { ARN, VersionIdsToStages } = await admin.secrets.send(new SM.DescribeSecretCommand({ SecretId }));
    expect(ARN).toMatch(new RegExp(`:secret:${SecretId}-[A-Za-z0-9]{6}$`));
    expect(VersionIdsToStages).toBeUndefined();
  });

  test('the first version is the current one with any requested stage', async () => {
    const SecretId = await createSecret();
    await put(SecretId, 'first', { VersionStages: ['AWSPENDING'] });
    expect([await value(SecretId), await value(SecretId, 'AWSPENDING')]).toEqual(['first', 'first']);
  });

  test('a client request token can be reused only with the same value', async () => {
    const SecretId = await createSecret('old');
    const ClientRequestToken = randomUUID();
    expect((await put(SecretId, 'new', { ClientRequestToken })).VersionId).toBe(ClientRequestToken);
    await put(SecretId, 'new', { ClientRequestToken });
    await expect(put(SecretId, 'other', { ClientRequestToken })).rejects.toMatchObject({
      name: 'ResourceExistsException',
    });
    expect([await value(SecretId), await value(SecretId, 'AWSPREVIOUS')]).toEqual(['new', 'old']);
  });

  test('a pending version becomes current only when the request names the version that loses the stage', async () => {
    const SecretId = await createSecret('old');
    const { VersionId } = await put(SecretId, 'new', { VersionStages: ['AWSPENDING'] });
    expect(await value(SecretId)).toBe('old');
    const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: VersionId };
    await expect(admin.secrets.send(new SM.UpdateSecretVersionStageCommand(move))).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    const { Versions } = await admin.secrets.send(new SM.ListSecretVersionIdsCommand({ SecretId }));
    const current = Versions?.find(({ VersionStages }) => VersionStages?.includes('AWSCURRENT'))?.VersionId;
    await admin.secrets.send(
      new SM.UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: current }),
    );
    expect([await value(SecretId), await value(SecretId, 'AWSPREVIOUS')]).toEqual(['new', 'old']);
  });

  test('a secret that is scheduled for deletion blocks its name until it is restored', async () => {
    const SecretId = await createSecret('kept');
    await admin.secrets.send(new SM.DeleteSecretCommand({ SecretId }));
    const blocked = { name: 'InvalidRequestException' };
    await expect(value(SecretId)).rejects.toMatchObject(blocked);
    await expect(put(SecretId, 'x')).rejects.toMatchObject(blocked);
    await expect(admin.secrets.send(new SM.CreateSecretCommand({ Name: SecretId }))).rejects.toMatchObject(
      blocked,
    );
    const { DeletedDate } = await admin.secrets.send(new SM.DescribeSecretCommand({ SecretId }));
    expect(DeletedDate).toBeInstanceOf(Date);
    await admin.secrets.send(new SM.RestoreSecretCommand({ SecretId }));
    expect(await value(SecretId)).toBe('kept');
  });

  test('a forced deletion frees the name after a delay', async () => {
    const SecretId = await createSecret('gone');
    sandbox.aws.secrets.forcedDeletion = 5_000;
    await admin.secrets.send(new SM.DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    const again = () => admin.secrets.send(new SM.CreateSecretCommand({ Name: SecretId }));
    await expect(again()).rejects.toMatchObject({ name: 'InvalidRequestException' });
    sandbox.clock.advance(5_000);
    await again();
  });

  test('a user limited to NAME-?????? can create the secret and then read it, but not before', async () => {
    const Name = fresh('secret');
    const user = await userWith(
      allow('secretsmanager:*', `arn:aws:secretsmanager:*:*:secret:${Name}-??????`),
    );
    const describeIt = () => user.secrets.send(new SM.DescribeSecretCommand({ SecretId: Name }));
    await expect(describeIt()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await user.secrets.send(new SM.CreateSecretCommand({ Name }));
    await describeIt();
    const absent = new SM.DescribeSecretCommand({ SecretId: fresh('secret') });
    await expect(admin.secrets.send(absent)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('ECR', () => {
  const create = async (more: Partial<ECR.CreateRepositoryCommandInput> = {}) => {
    const repositoryName = fresh('ecr/repository');
    await admin.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName, ...more }));
    return repositoryName;
  };

  test('a query by names fails as a whole when one repository is missing', async () => {
    const there = await create();
    const both = new ECR.DescribeRepositoriesCommand({ repositoryNames: [there, 'ecr/absent'] });
    await expect(admin.ecr.send(both)).rejects.toMatchObject({ name: 'RepositoryNotFoundException' });
  });

  test('repositories are listed in pages', async () => {
    await Promise.all([create(), create(), create()]);
    const names: string[] = [];
    for await (const page of ECR.paginateDescribeRepositories({ client: admin.ecr, pageSize: 2 }, {})) {
      expect(page.repositories?.length).toBeLessThanOrEqual(2);
      names.push(...(page.repositories ?? []).map(({ repositoryName = '' }) => repositoryName));
    }
    expect(new Set(names)).toEqual(new Set(sandbox.aws.registry.repositories.keys()));
  });

  test('the settings of a repository are stored and returned', async () => {
    const repositoryName = await create({ imageTagMutability: 'IMMUTABLE' });
    await admin.ecr.send(
      new ECR.PutImageScanningConfigurationCommand({
        repositoryName,
        imageScanningConfiguration: { scanOnPush: true },
      }),
    );
    const named = new ECR.DescribeRepositoriesCommand({ repositoryNames: [repositoryName] });
    const [repository] = (await admin.ecr.send(named)).repositories ?? [];
    expect(repository).toMatchObject({
      registryId: sandbox.account,
      repositoryUri: `${sandbox.registryHost}/${repositoryName}`,
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'AES256' },
    });
    const policy = new ECR.GetLifecyclePolicyCommand({ repositoryName });
    await expect(admin.ecr.send(policy)).rejects.toMatchObject({ name: 'LifecyclePolicyNotFoundException' });
  });

  test('an existing name and an invalid name are refused', async () => {
    const repositoryName = await create();
    await expect(create({ repositoryName })).rejects.toMatchObject({
      name: 'RepositoryAlreadyExistsException',
    });
    await expect(create({ repositoryName: 'Upper/Case' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
  });

  test('a missing image is an error of DescribeImages and a failure in the output of BatchGetImage', async () => {
    const repositoryName = await create();
    const imageIds = [{ imageTag: 'absent' }];
    await expect(
      admin.ecr.send(new ECR.DescribeImagesCommand({ repositoryName, imageIds })),
    ).rejects.toMatchObject({ name: 'ImageNotFoundException' });
    const { failures } = await admin.ecr.send(new ECR.BatchGetImageCommand({ repositoryName, imageIds }));
    expect(failures).toMatchObject([{ failureCode: 'ImageNotFound', imageId: imageIds[0] }]);
  });

  test('a request above the rate limit gives a ThrottlingException', async () => {
    sandbox.aws.limits.perSecond.set('DescribeRegistry', 1);
    const asked = await Promise.allSettled(
      [1, 2, 3].map(() => admin.ecr.send(new ECR.DescribeRegistryCommand({}))),
    );
    sandbox.aws.limits.perSecond.clear();
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ reason: { name: 'ThrottlingException' } });
  });
});

describe('planned faults of AWS', () => {
  test('a request whose response is lost takes effect', async () => {
    const UserName = fresh('user');
    await admin.iam.send(new IAM.CreateUserCommand({ UserName }));
    const recover = sandbox.faults.plan({ kind: 'lost', service: 'iam', operation: 'CreateAccessKey' });
    await expect(admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }))).rejects.toThrow();
    recover();
    const { AccessKeyMetadata } = await admin.iam.send(new IAM.ListAccessKeysCommand({ UserName }));
    expect(AccessKeyMetadata).toHaveLength(1);
  });

  test('a reset, throttled, denied or failing request has no effect', async () => {
    const codes: string[] = [];
    for (const kind of ['reset', 'throttle', 'deny', 'error'] as const) {
      const recover = sandbox.faults.plan({ kind, operation: 'CreateRepository' });
      const create = new ECR.CreateRepositoryCommand({ repositoryName: 'never/made' });
      codes.push(
        await admin.ecr.send(create).then(
          () => 'done',
          (error: unknown) => (error as Error).name,
        ),
      );
      recover();
    }
    expect(codes.slice(1)).toEqual(['ThrottlingException', 'AccessDeniedException', 'InternalFailure']);
    expect(sandbox.aws.registry.repositories.has('never/made')).toBe(false);
  });
});

test('in-process calls of the operator in the cluster follow the same rules as HTTP requests', async () => {
  const { key } = sandbox.aws.addUser(
    fresh('user'),
    'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly',
  );
  const { awsForCluster: aws } = sandbox;
  const { proxyEndpoint } = await aws.getAuthorizationToken(key, sandbox.region);
  expect(proxyEndpoint).toBe(`https://${sandbox.registryHost}`);
  const code = (caller: typeof key) =>
    aws.getSecretValue(caller, sandbox.region, 'any').then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    );
  expect(await code(key)).toBe('AccessDeniedException');
  expect(await code({ ...key, secretAccessKey: 'wrong' })).toBe('InvalidSignatureException');
  expect(await code({ ...key, accessKeyId: 'AKIAUNKNOWN' })).toBe('UnrecognizedClientException');
  expect(await code(sandbox.admin)).toBe('ResourceNotFoundException');
});
