import { describe, expect, it } from 'vitest';
import { policyDocument, type PolicyName } from '../../../../src/iam/policies/documents.ts';
import { configOf } from '../../../support/aws.ts';

const account = { partition: 'aws', accountId: '123456789012', region: 'eu-west-1' };
const actions = (name: PolicyName, settings: object = {}): string[] =>
  policyDocument(name, configOf(settings), account).Statement.flatMap(({ Action }) => Action);

const rule = {
  rulePriority: 1,
  selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 9 },
  action: { type: 'expire' },
};
const settings = {
  aws: { region: 'eu-west-1', tags: { team: 'ours' } },
  repositories: { scanOnPush: true, lifecyclePolicy: { rules: [rule] } },
};

describe('the policy of power-user', () => {
  it('allows no change of users or policies except the tag of an unfinished key', () => {
    const writes = /^iam:(Create|Put|Attach|Detach|Delete|Update|Tag|Untag)/;
    expect(actions('power-user').filter((action) => writes.test(action))).toEqual([
      'iam:CreateAccessKey',
      'iam:UpdateAccessKey',
      'iam:DeleteAccessKey',
      'iam:TagUser',
      'iam:UntagUser',
    ]);
  });
});

describe("the permission to change the account's settings", () => {
  const configured = { aws: { region: 'eu-west-1', blobMounting: true } };

  it('is only part of the first run, and only if blob mounting is configured', () => {
    const change = 'ecr:PutAccountSetting';
    expect(actions('first-run', configured)).toContain(change);
    expect(actions('first-run')).not.toContain(change);
    expect(actions('power-user', configured)).not.toContain(change);
  });
});

describe('the policy of the image puller', () => {
  it('allows only pulls and reading the three secrets', () => {
    expect(actions('image-puller')).toEqual([
      'ecr:GetAuthorizationToken',
      'ecr:BatchGetImage',
      'ecr:GetDownloadUrlForLayer',
      'ecr:BatchCheckLayerAvailability',
      'secretsmanager:GetSecretValue',
    ]);
  });

  it('lets only access keys, not temporary credentials, read the secrets and request registry tokens', () => {
    const { Statement } = policyDocument('image-puller', configOf({}), account);
    const conditional = Statement.filter(({ Condition }) => Condition);
    expect(conditional.map(({ Sid }) => Sid)).toEqual(['RegistryToken', 'ReadOwnKey']);
    for (const { Condition } of conditional) {
      expect(Condition).toEqual({ Null: { 'aws:TokenIssueTime': ['true'] } });
    }
  });

  it('allows a customer managed key only through Secrets Manager', () => {
    const config = configOf({ secrets: { kmsKeyId: 'alias/ours' } });
    expect(policyDocument('image-puller', config, account).Statement.at(-1)).toEqual({
      Sid: 'DecryptOwnKey',
      Effect: 'Allow',
      Action: ['kms:Decrypt'],
      Resource: ['arn:aws:kms:eu-west-1:123456789012:key/*'],
      Condition: {
        StringEquals: { 'kms:ViaService': ['secretsmanager.eu-west-1.amazonaws.com'] },
        'ForAnyValue:StringEquals': { 'kms:ResourceAliases': ['alias/ours'] },
      },
    });
  });
});

it.each([
  ['eusc-de-east-1', 'aws-eusc', 'secretsmanager.eusc-de-east-1.amazonaws.eu'],
  ['cn-north-1', 'aws-cn', 'secretsmanager.cn-north-1.amazonaws.com.cn'],
  ['us-iso-east-1', 'aws-iso', 'secretsmanager.us-iso-east-1.c2s.ic.gov'],
])('allows a KMS key through the host name of Secrets Manager in %s', (region, partition, name) => {
  const config = configOf({ aws: { region }, secrets: { kmsKeyId: 'alias/ours' } });
  const { Statement } = policyDocument('image-puller', config, { ...account, region, partition });
  expect(Statement.at(-1)?.Condition).toMatchObject({ StringEquals: { 'kms:ViaService': [name] } });
});

describe('every policy', () => {
  it.each(['first-run', 'power-user', 'image-puller'] as const)(
    '%s fits into an IAM managed policy',
    (name) => {
      const user = { permissionsBoundary: `arn:aws:iam::123456789012:policy/${'b'.repeat(128)}` };
      const users = { powerUser: user, imagePuller: user };
      const document = policyDocument(
        name,
        configOf({ project: 'p'.repeat(64), users, ...settings }),
        account,
      );
      expect(JSON.stringify(document).replace(/\s/g, '').length).toBeLessThan(6144);
    },
  );

  it.each([
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
    ['us-isob-east-1', 'aws-iso-b'],
    ['eusc-de-east-1', 'aws-eusc'],
    ['eu-west-1', 'aws'],
  ])('has the partition of %s when it is printed without a request to AWS', (region, partition) => {
    const document = policyDocument('image-puller', configOf({ aws: { region } }));
    expect(document.Statement[1]?.Resource).toEqual([
      `arn:${partition}:ecr:${region}:ACCOUNT_ID:repository/myproject/*`,
    ]);
  });
});
