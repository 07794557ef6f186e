import * as ECR from '@aws-sdk/client-ecr';
import * as IAM from '@aws-sdk/client-iam';
import * as SM from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lag } from '../../../sandbox/aws/read-lag.ts';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { clients } from './support.ts';

let sandbox: Sandbox;
let admin: ReturnType<typeof clients>;

beforeAll(async () => {
  sandbox = await startSandbox();
  admin = clients(sandbox);
});
afterAll(() => sandbox.close());

const nameOfFailure = (sent: Promise<unknown>): Promise<string> =>
  sent.then(
    () => 'done',
    (error: unknown) => (error as Error).name,
  );

describe('AWS reads that lag behind writes', () => {
  it('show a new user late, although a second creation is refused at once', async () => {
    const removeLag = sandbox.aws.lags.plan({ service: 'iam', milliseconds: 5000 });
    const UserName = 'late';
    await admin.iam.send(new IAM.CreateUserCommand({ UserName }));
    expect(await nameOfFailure(admin.iam.send(new IAM.GetUserCommand({ UserName })))).toBe(
      'NoSuchEntityException',
    );
    expect(await nameOfFailure(admin.iam.send(new IAM.CreateUserCommand({ UserName })))).toBe(
      'EntityAlreadyExistsException',
    );
    sandbox.clock.advance(5000);
    expect(await nameOfFailure(admin.iam.send(new IAM.GetUserCommand({ UserName })))).toBe('done');
    removeLag();
  });

  it('list outdated access keys, while the limit counts the existing keys', async () => {
    const UserName = 'keys';
    const list = async () =>
      (await admin.iam.send(new IAM.ListAccessKeysCommand({ UserName }))).AccessKeyMetadata?.map(
        ({ Status }) => Status,
      );
    await admin.iam.send(new IAM.CreateUserCommand({ UserName }));
    const behind: Lag = { service: 'iam', milliseconds: 0, reads: /^ListAccessKeys$/, behind: /AccessKey$/ };
    const removeLag = sandbox.aws.lags.plan(behind);
    const { AccessKey } = await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    sandbox.clock.advance(60_000);
    const { AccessKeyId } = AccessKey ?? {};
    await admin.iam.send(new IAM.UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: 'Inactive' }));
    await admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    expect(await list()).toEqual(['Inactive', 'Active']);
    behind.milliseconds = 5000;
    expect(await list()).toEqual(['Active']);
    behind.milliseconds = 600_000;
    expect(await list()).toEqual([]);
    expect(await nameOfFailure(admin.iam.send(new IAM.CreateAccessKeyCommand({ UserName })))).toBe(
      'LimitExceededException',
    );
    await admin.iam.send(new IAM.TagUserCommand({ UserName, Tags: [{ Key: 'a', Value: 'b' }] }));
    expect((await admin.iam.send(new IAM.GetUserCommand({ UserName }))).User?.Tags).toHaveLength(1);
    removeLag();
    expect(await list()).toEqual(['Inactive', 'Active']);
  });

  it('describe a restored secret as scheduled for deletion, and return an outdated value', async () => {
    const Name = 'restored';
    const describeIt = async () =>
      (await admin.secrets.send(new SM.DescribeSecretCommand({ SecretId: Name }))).DeletedDate;
    await admin.secrets.send(new SM.CreateSecretCommand({ Name, SecretString: 'a' }));
    await admin.secrets.send(new SM.DeleteSecretCommand({ SecretId: Name }));
    const removeLag = sandbox.aws.lags.plan({
      service: 'secretsmanager',
      milliseconds: 500,
      behind: /^(RestoreSecret|PutSecretValue)$/,
    });
    await admin.secrets.send(new SM.RestoreSecretCommand({ SecretId: Name }));
    expect(await describeIt()).toBeInstanceOf(Date);
    sandbox.clock.advance(500);
    expect(await describeIt()).toBeUndefined();
    await admin.secrets.send(new SM.PutSecretValueCommand({ SecretId: Name, SecretString: 'b' }));
    const value = await admin.secrets.send(new SM.GetSecretValueCommand({ SecretId: Name }));
    expect(value.SecretString).toBe('a');
    removeLag();
  });

  it('list a new repository late, but pushed images at once', async () => {
    const removeLag = sandbox.aws.lags.plan({ service: 'ecr', milliseconds: 60_000 });
    const repositoryName = 'shop/late';
    await admin.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName }));
    const list = async () =>
      (await admin.ecr.send(new ECR.DescribeRepositoriesCommand({}))).repositories?.length;
    expect(await list()).toBe(0);
    sandbox.clock.advance(60_000);
    expect(await list()).toBe(1);
    await admin.ecr.send(
      new ECR.PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }),
    );
    sandbox.aws.registry.seed(repositoryName, '1');
    const { imageIds } = await admin.ecr.send(new ECR.ListImagesCommand({ repositoryName }));
    expect(imageIds).toHaveLength(1);
    const { repositories } = await admin.ecr.send(new ECR.DescribeRepositoriesCommand({}));
    expect(repositories?.[0]?.imageTagMutability).toBe('MUTABLE');
    removeLag();
  });

  it('list the rules that create repositories as they were', async () => {
    const removeLag = sandbox.aws.lags.plan({ service: 'ecr', milliseconds: 60_000 });
    const list = async () => {
      const { pullThroughCacheRules } = await admin.ecr.send(
        new ECR.DescribePullThroughCacheRulesCommand({}),
      );
      const { repositoryCreationTemplates } = await admin.ecr.send(
        new ECR.DescribeRepositoryCreationTemplatesCommand({}),
      );
      return [pullThroughCacheRules, repositoryCreationTemplates].map((all) => all?.length);
    };
    const ecrRepositoryPrefix = 'cached';
    const upstreamRegistryUrl = 'public.ecr.aws';
    await admin.ecr.send(
      new ECR.CreatePullThroughCacheRuleCommand({ ecrRepositoryPrefix, upstreamRegistryUrl }),
    );
    await admin.ecr.send(
      new ECR.CreateRepositoryCreationTemplateCommand({ prefix: 'new', appliedFor: ['CREATE_ON_PUSH'] }),
    );
    sandbox.clock.advance(60_000);
    // A later write makes the reads lag again. They return what both rules were before it.
    await admin.ecr.send(new ECR.CreateRepositoryCommand({ repositoryName: 'shop/rules' }));
    expect(await list()).toEqual([1, 1]);
    removeLag();
    expect(await list()).toEqual([1, 1]);
  });
});
