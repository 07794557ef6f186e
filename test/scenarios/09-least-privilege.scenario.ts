import {
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeRepositoriesCommand,
  ECRClient,
} from '@aws-sdk/client-ecr';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListAccessKeysCommand,
} from '@aws-sdk/client-iam';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { enterWorld } from './enter.ts';
import { imagesInUse, secretValue, succeed } from './site.ts';
import type { AwsKey, KubeObject } from './world.ts';

const administrators = 'arn:aws:iam::aws:policy/AdministratorAccess';
const powerUser = { UserName: 'power-user' };
const imagePuller = { UserName: 'image-puller' };

describe('what each identity may do', () => {
  const world = enterWorld();
  let pusher: AwsKey;
  let puller: AwsKey;

  beforeAll(async () => {
    const { aws, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    const { AccessKey } = await aws.iam.send(new CreateAccessKeyCommand(powerUser));
    pusher = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    const awaited = await world;
    const half = (key: string) => secretValue(awaited, 'external-secrets', 'image-puller', key);
    puller = {
      accessKeyId: (await half('AWS_ACCESS_KEY_ID')) ?? '',
      secretAccessKey: (await half('AWS_SECRET_ACCESS_KEY')) ?? '',
    };
  });

  afterAll(async () => {
    const { aws } = await world;
    await aws.iam.send(new DeleteAccessKeyCommand({ ...powerUser, AccessKeyId: pusher.accessKeyId }));
  });

  test.each([
    ['mirror', 'registry.k8s.io/coredns/coredns:v1.12.1'],
    ['status', '-o', 'json'],
    ['up', '--yes'],
  ])("power-user's key is enough for %s", async (...args) => {
    const { runAs } = await world;
    const { code, stdout, stderr } = await runAs(pusher, ...args);
    expect(code, stdout + stderr).toBe(0);
  });

  test("image-puller's key reads its secret, and is denied everything else", async () => {
    const credentials = puller;
    const region = 'eu-west-1';
    const [ecr, iam, secrets] = [
      new ECRClient({ region, credentials }),
      new IAMClient({ region, credentials }),
      new SecretsManagerClient({ region, credentials }),
    ];
    const SecretId = 'image-puller-REGION';
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
    expect(SecretString).toBe(region);

    const { project } = await world;
    const repositoryName = `${project}/docker.io/library/nginx`;
    const denied: Readonly<Record<string, () => Promise<unknown>>> = {
      CreateRepository: () => ecr.send(new CreateRepositoryCommand({ repositoryName: `${project}/new` })),
      DescribeRepositories: () => ecr.send(new DescribeRepositoriesCommand({})),
      DeleteRepository: () => ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true })),
      CreateUser: () => iam.send(new CreateUserCommand({ UserName: 'another' })),
      ListAccessKeys: () => iam.send(new ListAccessKeysCommand(imagePuller)),
      CreateAccessKey: () => iam.send(new CreateAccessKeyCommand(imagePuller)),
      AttachUserPolicy: () =>
        iam.send(new AttachUserPolicyCommand({ ...imagePuller, PolicyArn: administrators })),
      PutSecretValue: () => secrets.send(new PutSecretValueCommand({ SecretId, SecretString: 'x' })),
      'GetSecretValue of another': () => secrets.send(new GetSecretValueCommand({ SecretId: 'another' })),
    };
    const allowed: string[] = [];
    for (const [action, call] of Object.entries(denied)) {
      const outcome = await call().then(
        () => 'allowed',
        (error: unknown) => (error instanceof Error ? error.name : String(error)),
      );
      if (!/^AccessDenied/.test(outcome)) allowed.push(`${action}: ${outcome}`);
    }
    expect(allowed).toEqual([]);
  });

  test("no Secret outside the operator's namespace holds an AWS key", async () => {
    type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };
    const secrets = await (await world).cluster.list<Secret>('secrets');
    const elsewhere = secrets.filter(({ metadata }) => metadata.namespace !== 'external-secrets');
    const values = elsewhere.flatMap(({ data = {} }) => Object.values(data));
    expect(values.length).toBeGreaterThan(0);
    const clear = values.map((value) => Buffer.from(value, 'base64').toString()).join('\n');
    expect(clear).not.toContain(puller.secretAccessKey);
    expect(clear).not.toMatch(/AKIA[A-Z0-9]{16}/);
  });
});
