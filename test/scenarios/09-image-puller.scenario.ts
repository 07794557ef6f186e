import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
  GetLifecyclePolicyCommand,
  ListImagesCommand,
  PutAccountSettingCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  TagResourceCommand,
} from '@aws-sdk/client-ecr';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  GetUserCommand,
  ListAccessKeysCommand,
  PutUserPolicyCommand,
  TagUserCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, secretValue, succeed } from './site.ts';
import type { AwsClients } from './world.ts';

const region = 'eu-west-1';
const project = 'demo';
const inside = `${project}/docker.io/library/nginx`;
const outside = 'another-project/nginx';
const repositoryName = inside;
const imageIds = [{ imageTag: '1.28' }];
const user = { UserName: 'image-puller' };
const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
const SecretId = 'image-puller-REGION';
const anything = JSON.stringify({ Version: '2012-10-17', Statement: [] });

/** AWS calls, by name, that must be denied to the image puller. */
const denied: Readonly<Record<string, (aws: AwsClients) => Promise<unknown>>> = {
  CreateRepository: ({ ecr }) => ecr.send(new CreateRepositoryCommand({ repositoryName: `${project}/new` })),
  DescribeRepositories: ({ ecr }) => ecr.send(new DescribeRepositoriesCommand({})),
  DeleteRepository: ({ ecr }) => ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true })),
  DescribeImages: ({ ecr }) => ecr.send(new DescribeImagesCommand({ repositoryName })),
  ListImages: ({ ecr }) => ecr.send(new ListImagesCommand({ repositoryName })),
  BatchDeleteImage: ({ ecr }) => ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds })),
  'BatchGetImage outside the project': ({ ecr }) =>
    ecr.send(new BatchGetImageCommand({ repositoryName: outside, imageIds })),
  PutImageTagMutability: ({ ecr }) =>
    ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' })),
  GetLifecyclePolicy: ({ ecr }) => ecr.send(new GetLifecyclePolicyCommand({ repositoryName })),
  PutLifecyclePolicy: ({ ecr }) =>
    ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: '{"rules":[]}' })),
  'TagResource of a repository': ({ ecr }) =>
    ecr.send(
      new TagResourceCommand({
        resourceArn: `arn:aws:ecr:${region}:123456789012:repository/${inside}`,
        tags: [{ Key: 'a', Value: 'b' }],
      }),
    ),
  PutAccountSetting: ({ ecr }) =>
    ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' })),
  GetUser: ({ iam }) => iam.send(new GetUserCommand(user)),
  CreateUser: ({ iam }) => iam.send(new CreateUserCommand({ UserName: 'another' })),
  DeleteUser: ({ iam }) => iam.send(new DeleteUserCommand(user)),
  TagUser: ({ iam }) => iam.send(new TagUserCommand({ ...user, Tags: [{ Key: 'a', Value: 'b' }] })),
  ListAccessKeys: ({ iam }) => iam.send(new ListAccessKeysCommand(user)),
  CreateAccessKey: ({ iam }) => iam.send(new CreateAccessKeyCommand(user)),
  'CreateAccessKey for power-user': ({ iam }) =>
    iam.send(new CreateAccessKeyCommand({ UserName: 'power-user' })),
  UpdateAccessKey: ({ iam }) =>
    iam.send(
      new UpdateAccessKeyCommand({ ...user, AccessKeyId: 'AKIAAAAAAAAAAAAAAAAA', Status: 'Inactive' }),
    ),
  DeleteAccessKey: ({ iam }) =>
    iam.send(new DeleteAccessKeyCommand({ ...user, AccessKeyId: 'AKIAAAAAAAAAAAAAAAAA' })),
  AttachUserPolicy: ({ iam }) => iam.send(new AttachUserPolicyCommand({ ...user, PolicyArn })),
  PutUserPolicy: ({ iam }) =>
    iam.send(new PutUserPolicyCommand({ ...user, PolicyName: 'more', PolicyDocument: anything })),
  CreatePolicy: ({ iam }) =>
    iam.send(new CreatePolicyCommand({ PolicyName: 'more', PolicyDocument: anything })),
  ListSecrets: ({ secrets }) => secrets.send(new ListSecretsCommand({})),
  CreateSecret: ({ secrets }) =>
    secrets.send(new CreateSecretCommand({ Name: 'image-puller-more', SecretString: 'x' })),
  DescribeSecret: ({ secrets }) => secrets.send(new DescribeSecretCommand({ SecretId })),
  PutSecretValue: ({ secrets }) => secrets.send(new PutSecretValueCommand({ SecretId, SecretString: 'x' })),
  UpdateSecretVersionStage: ({ secrets }) =>
    secrets.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'AWSCURRENT' })),
  DeleteSecret: ({ secrets }) => secrets.send(new DeleteSecretCommand({ SecretId })),
  'GetSecretValue of another secret': ({ secrets }) =>
    secrets.send(new GetSecretValueCommand({ SecretId: 'of-somebody-else' })),
};

/** Requests to the registry: method, path and the status with the image puller's token. */
const requests: readonly (readonly [string, string, number])[] = [
  ['GET', `${inside}/manifests/1.28`, 200],
  ['GET', `${outside}/manifests/1.28`, 403],
  ['POST', `${inside}/blobs/uploads/`, 403],
  ['PUT', `${inside}/manifests/pushed`, 403],
  ['POST', `${outside}/blobs/uploads/`, 403],
];

describe('the image-puller access key', () => {
  const world = openWorld();
  let puller: AwsClients;

  beforeAll(async () => {
    const { aws, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: outside }));
    await aws.secrets.send(new CreateSecretCommand({ Name: 'of-somebody-else', SecretString: 'x' }));
    const half = async (key: string) =>
      (await secretValue(await world, 'external-secrets', 'image-puller', key)) ?? '';
    puller = (await world).awsAs({
      accessKeyId: await half('AWS_ACCESS_KEY_ID'),
      secretAccessKey: await half('AWS_SECRET_ACCESS_KEY'),
    });
  });

  restoreAfterAll(async () => {
    const { aws } = await world;
    await aws.ecr.send(new DeleteRepositoryCommand({ repositoryName: outside, force: true }));
    const SecretId = 'of-somebody-else';
    await aws.secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
  });

  it('can read the three secrets and the images of the project', async () => {
    const { SecretString } = await puller.secrets.send(new GetSecretValueCommand({ SecretId }));
    expect(SecretString).toBe(region);
    const { images = [] } = await puller.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds }));
    expect(images).toHaveLength(1);
  });

  it.each(Object.keys(denied))('is denied %s', async (name) => {
    const outcome = await denied[name]?.(puller).then(
      () => 'allowed',
      (error: unknown) => (error instanceof Error ? error.name : String(error)),
    );
    expect(outcome).toMatch(/^AccessDenied/);
  });

  it.each(requests)('gets a registry token with which %s %s returns %i', async (method, path, status) => {
    const { authorizationData = [] } = await puller.ecr.send(new GetAuthorizationTokenCommand());
    const headers = {
      authorization: `Basic ${authorizationData[0]?.authorizationToken}`,
      accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
    };
    const { sendRequest, registry } = await world;
    const body = method === 'PUT' ? '{}' : undefined;
    expect(await sendRequest(method, `https://${registry}/v2/${path}`, headers, body)).toBe(status);
  });
});
