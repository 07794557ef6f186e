import { describe, expect, it } from 'vitest';
import { decide, type Access } from '../../../../sandbox/aws/policy.ts';
import { policyDocument, type PolicyName } from '../../../../src/iam/policies/documents.ts';
import { configOf } from '../../../support/aws.ts';

const account = { partition: 'aws', accountId: '123456789012', region: 'eu-west-1' };
const config = configOf({ secrets: { kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' } });

const user = (name: string): string => `arn:aws:iam::123456789012:user/${name}`;
const policy = (name: string): string => `arn:aws:iam::123456789012:policy/${name}`;
const role = 'arn:aws:iam::123456789012:role/admin';
const repository = (name: string, region = 'eu-west-1'): string =>
  `arn:aws:ecr:${region}:123456789012:repository/${name}`;
const secret = (name: string): string => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}`;
const key = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const everybody = ['power-user', 'image-puller', 'admin', 'root-like'].map(user);
const ours = ['ecr-bootstrap-power-user', 'ecr-bootstrap-image-puller'].map(policy);
const ownSecrets = ['image-puller-AWS_ACCESS_KEY_ID-a1B2c3', 'image-puller-REGION-a1B2c3'].map(secret);

type Row = readonly [actions: string, resources: readonly string[], keys?: Access['keys']];

/** Requests that could give a user more rights than these policies grant. */
const widening: readonly Row[] = [
  // policies of a user
  [
    'iam:AttachUserPolicy iam:DetachUserPolicy',
    everybody,
    { 'iam:PolicyARN': policy('AdministratorAccess') },
  ],
  ['iam:AttachUserPolicy', everybody, { 'iam:PolicyARN': ours[0] }],
  ['iam:PutUserPolicy iam:DeleteUserPolicy', everybody],
  ['iam:PutUserPermissionsBoundary iam:DeleteUserPermissionsBoundary', everybody],
  // contents of a policy
  ['iam:CreatePolicy iam:CreatePolicyVersion iam:SetDefaultPolicyVersion', [...ours, policy('other')]],
  ['iam:DeletePolicy iam:DeletePolicyVersion iam:TagPolicy iam:UntagPolicy', [...ours, policy('other')]],
  // groups and roles
  ['iam:AddUserToGroup iam:AttachGroupPolicy iam:PutGroupPolicy', ['arn:aws:iam::123456789012:group/admins']],
  ['iam:PassRole iam:CreateRole iam:AttachRolePolicy iam:PutRolePolicy iam:UpdateAssumeRolePolicy', [role]],
  ['sts:AssumeRole sts:AssumeRoleWithWebIdentity sts:GetFederationToken', [role]],
  ['iam:CreateServiceLinkedRole', ['*']],
  // other identities
  ['iam:CreateUser iam:DeleteUser iam:UpdateUser', [...everybody, user('new')]],
  ['iam:CreateAccessKey iam:UpdateAccessKey iam:DeleteAccessKey', ['power-user', 'admin', 'other'].map(user)],
  ['iam:CreateLoginProfile iam:UpdateLoginProfile iam:ChangePassword', everybody],
  ['iam:CreateServiceSpecificCredential iam:UploadSigningCertificate iam:UploadSSHPublicKey', everybody],
  ['iam:DeactivateMFADevice iam:CreateVirtualMFADevice iam:ResyncMFADevice', everybody],
  // tags, because other policies may depend on them
  ['iam:TagUser iam:UntagUser', everybody, { 'aws:TagKeys': ['ecr-bootstrap:project'] }],
  ['iam:TagUser', everybody, { 'aws:TagKeys': ['ecr-bootstrap:creating', 'department'] }],
  ['iam:TagUser', [user('power-user'), user('admin')], { 'aws:TagKeys': ['ecr-bootstrap:creating'] }],
  // services that run with other rights
  ['lambda:CreateFunction ec2:RunInstances cloudformation:CreateStack ecs:RunTask', ['*']],
  ['iam:CreateAccountAlias iam:UpdateAccountPasswordPolicy organizations:LeaveOrganization', ['*']],
];

/** Requests for unmanaged resources, or with effects that cannot be undone. */
const beyond: readonly Row[] = [
  ['ecr:DeleteRepository ecr:BatchDeleteImage ecr:SetRepositoryPolicy', [repository('myproject/nginx')]],
  ['ecr:PutAccountSetting ecr:PutRegistryPolicy ecr:PutReplicationConfiguration', ['*']],
  [
    'ecr:PutImage ecr:CreateRepository ecr:TagResource ecr:BatchGetImage ecr:GetDownloadUrlForLayer',
    [
      repository('other/nginx'),
      repository('myproject-2/nginx'),
      repository('myproject'),
      repository('myproject/nginx', 'us-east-1'),
    ],
  ],
  ['secretsmanager:DeleteSecret secretsmanager:PutResourcePolicy secretsmanager:UpdateSecret', ownSecrets],
  ['secretsmanager:ReplicateSecretToRegions secretsmanager:RotateSecret', ownSecrets],
  [
    'secretsmanager:GetSecretValue secretsmanager:PutSecretValue secretsmanager:CreateSecret',
    ['other-a1B2c3', 'image-puller-a1B2c3', 'image-puller-REGION-backup-a1B2c3'].map(secret),
  ],
  ['secretsmanager:BatchGetSecretValue', ['*']],
  ['kms:Decrypt kms:GenerateDataKey', [key], { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' }],
  ['kms:Decrypt', [key]],
  ['kms:ScheduleKeyDeletion kms:PutKeyPolicy kms:CreateGrant', [key]],
  ['iam:ListUsers iam:GetAccountAuthorizationDetails iam:SimulatePrincipalPolicy', ['*']],
  ['s3:GetObject ssm:GetParameter ec2:DescribeInstances', ['*']],
];

const cases = [...widening, ...beyond].flatMap(([actions, resources, keys = {}]) =>
  actions.split(' ').flatMap((action) => resources.map((resource): Access => ({ action, resource, keys }))),
);

/** Requests that only power-user may make, not the image puller. */
const onlyForPowerUser: readonly Row[] = [
  ['iam:CreateAccessKey iam:ListAccessKeys iam:GetUser', [user('image-puller')]],
  [
    'ecr:PutImage ecr:InitiateLayerUpload ecr:CreateRepository ecr:TagResource',
    [repository('myproject/nginx')],
  ],
  ['ecr:DescribeRepositories', [repository('*')]],
  ['secretsmanager:PutSecretValue secretsmanager:DescribeSecret secretsmanager:TagResource', ownSecrets],
];

const denies = (name: PolicyName, access: Access): boolean =>
  decide(policyDocument(name, config, account).Statement, access) !== 'allowed';

const allowedOf = (name: PolicyName, accesses: readonly Access[]): string[] =>
  accesses.filter((access) => !denies(name, access)).map(({ action, resource }) => `${action} ${resource}`);

describe('the IAM policies', () => {
  it('deny both users everything that would extend their rights or is outside the project', () => {
    expect(cases.length).toBeGreaterThan(150);
    for (const name of ['power-user', 'image-puller'] as const) expect(allowedOf(name, cases)).toEqual([]);
  });

  it('deny the image puller requests that they allow power-user', () => {
    const more = onlyForPowerUser.flatMap(([actions, resources]) =>
      actions.split(' ').flatMap((action) => resources.map((resource) => ({ action, resource, keys: {} }))),
    );
    expect(allowedOf('image-puller', more)).toEqual([]);
    expect(more.filter((access) => denies('power-user', access))).toEqual([]);
  });

  it('deny a first run changes of other users and other policies', () => {
    const administrator = { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess' };
    const attempts: Access[] = [
      ...everybody.map((resource) => ({ action: 'iam:AttachUserPolicy', resource, keys: administrator })),
      ...['iam:PutUserPolicy', 'iam:CreateLoginProfile', 'iam:DeleteUser'].flatMap((action) =>
        everybody.map((resource) => ({ action, resource, keys: {} })),
      ),
      { action: 'iam:CreateUser', resource: user('other'), keys: {} },
      { action: 'iam:CreatePolicyVersion', resource: policy('other'), keys: {} },
      { action: 'iam:CreateAccessKey', resource: user('power-user'), keys: {} },
      { action: 'iam:PassRole', resource: role, keys: {} },
    ];
    expect(allowedOf('first-run', attempts)).toEqual([]);
  });

  it('deny a first run the creation of a user without its permissions boundary, and other boundaries', () => {
    const arn = policy('boundary');
    const bounded = configOf({
      users: { powerUser: { permissionsBoundary: arn }, imagePuller: { permissionsBoundary: arn } },
    });
    const { Statement } = policyDocument('first-run', bounded, account);
    const allowed = (action: string, keys: Access['keys']): boolean =>
      decide(Statement, { action, resource: user('image-puller'), keys }) === 'allowed';
    for (const action of ['iam:CreateUser', 'iam:PutUserPermissionsBoundary']) {
      expect(allowed(action, { 'iam:PermissionsBoundary': arn })).toBe(true);
      expect(allowed(action, { 'iam:PermissionsBoundary': policy('other') })).toBe(false);
      expect(allowed(action, {})).toBe(false);
    }
    expect(allowed('iam:DeleteUserPermissionsBoundary', { 'iam:PermissionsBoundary': arn })).toBe(false);
  });
});
