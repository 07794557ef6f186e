import type { Answer, Ask, Case } from '../case.ts';
import { secrets } from '../request.ts';
import { conditionsOf } from './conditions.ts';
import { moto } from './differences.ts';
import {
  aNumber,
  allow,
  deleteKey,
  disableKey,
  having,
  keyOf,
  listWith,
  matching,
  session,
  sessionOf,
  sessions,
  userWithKey,
} from './support.ts';

/** Version ids, which callers may choose. */
const [one, two] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

/** A call for the situation's secret. */
const about =
  (operation: string, input: object = {}): Ask =>
  ({ name }) =>
    secrets(operation, { SecretId: name, ...input });
const create =
  (input: object = {}): Ask =>
  ({ name }) =>
    secrets('CreateSecret', { Name: name, ...input });
const put = (ClientRequestToken: string, SecretString: string, more: object = {}): Ask =>
  about('PutSecretValue', { ClientRequestToken, SecretString, ...more });
const deleted = about('DeleteSecret', { RecoveryWindowInDays: 30 });

const absent: Answer = { status: 400, code: 'ResourceNotFoundException' };
const marked: Answer = { status: 400, code: 'InvalidRequestException' };
const arn = ({ region, account, name }: { region: string; account: string; name: string }): unknown =>
  matching(`^arn:aws:secretsmanager:${region}:${account}:secret:${name}-[A-Za-z0-9]{6}$`);

/** A key that may read the situation's secret, and a change to the key. */
const afterwards = (end: Ask): Pick<Case, 'given' | 'ask' | 'revokes' | 'answer'> => ({
  given: [create({ SecretString: 'x' }), ...userWithKey(allow('secretsmanager:GetSecretValue')), end],
  ask: ({ name, replies }) => secrets('GetSecretValue', { SecretId: name }, { as: { key: keyOf(replies) } }),
  revokes: true,
  answer: {
    status: 400,
    code: 'UnrecognizedClientException',
    body: { message: matching(/security token/) },
  },
});

/** Reads the situation's secret with temporary credentials. */
const readWithSession: Ask = ({ name, replies }) =>
  secrets('GetSecretValue', { SecretId: name }, { as: { key: sessionOf(replies) } });
const accessKeyOnly = { Condition: { Null: { 'aws:TokenIssueTime': 'true' } } };

const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'rds.amazonaws.com' },
      Action: 'secretsmanager:GetSecretValue',
      Resource: '*',
    },
  ],
});

export const secretsManagerCases: readonly Case[] = [
  {
    name: 'GetResourcePolicy returns the policy of a secret',
    given: [create(), about('PutResourcePolicy', { ResourcePolicy: policy })],
    ask: about('GetResourcePolicy'),
    answer: ({ name }) => ({
      status: 200,
      body: { Name: name, ResourcePolicy: matching(/GetSecretValue/) },
    }),
  },
  {
    name: 'GetResourcePolicy of a secret without a policy returns its name only',
    given: [create()],
    ask: about('GetResourcePolicy'),
    answer: ({ name }) => ({ status: 200, body: { Name: name } }),
  },
  {
    name: 'temporary credentials still read a secret after their access key is deleted',
    needs: sessions,
    given: [
      create({ SecretString: 'x' }),
      ...userWithKey(allow('secretsmanager:GetSecretValue')),
      session,
      deleteKey,
    ],
    ask: readWithSession,
    answer: { status: 200, body: { SecretString: 'x' } },
  },
  {
    name: 'an access key satisfies a policy without aws:TokenIssueTime',
    needs: sessions,
    given: [
      create({ SecretString: 'x' }),
      ...userWithKey({ ...allow('secretsmanager:GetSecretValue'), ...accessKeyOnly }),
    ],
    ask: ({ name, replies }) =>
      secrets('GetSecretValue', { SecretId: name }, { as: { key: keyOf(replies) } }),
    answer: { status: 200, body: { SecretString: 'x' } },
  },
  {
    name: 'temporary credentials do not satisfy a policy without aws:TokenIssueTime',
    needs: sessions,
    given: [
      create({ SecretString: 'x' }),
      ...userWithKey({ ...allow('secretsmanager:GetSecretValue'), ...accessKeyOnly }),
      session,
    ],
    ask: readWithSession,
    answer: { status: 400, code: 'AccessDeniedException' },
  },
  {
    name: 'GetSecretValue with a key that was disabled is refused',
    ...afterwards(disableKey),
    differs: { moto: moto.disabledKeys },
  },
  {
    name: 'GetSecretValue with a key that was deleted is refused',
    ...afterwards(deleteKey),
    differs: { moto: moto.queryErrors('403 InvalidClientTokenId') },
  },
  {
    name: 'CreateSecret without a value creates a secret without a version',
    ask: create({ Description: 'Of the contract', Tags: [{ Key: 'k', Value: 'v' }] }),
    answer: (situation) => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': /./ },
      body: { ARN: arn(situation), Name: situation.name },
    }),
    differs: { moto: moto.htmlType },
  },
  {
    name: 'CreateSecret of a name that exists is refused',
    given: [create()],
    ask: create(),
    answer: { status: 400, code: 'ResourceExistsException' },
  },
  {
    name: 'CreateSecret of a name that is scheduled for deletion is refused',
    given: [create({ SecretString: 'x' }), deleted],
    ask: create(),
    answer: { ...marked, body: { message: matching(/delet/) } },
    differs: { moto: moto.nameTaken },
  },
  {
    name: 'DescribeSecret returns tags, and stages by version',
    given: [create({ Tags: [{ Key: 'k', Value: 'v' }] }), put(one, 'x')],
    ask: about('DescribeSecret'),
    answer: (situation) => ({
      status: 200,
      body: {
        ARN: arn(situation),
        Name: situation.name,
        Tags: [{ Key: 'k', Value: 'v' }],
        VersionIdsToStages: { [one]: ['AWSCURRENT'] },
        CreatedDate: aNumber,
      },
    }),
  },
  {
    name: 'DescribeSecret of one that does not exist is refused',
    ask: about('DescribeSecret'),
    answer: { ...absent, body: { message: matching(/can't find the specified secret/) } },
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'DescribeSecret returns the date of deletion',
    given: [create(), deleted],
    ask: about('DescribeSecret'),
    answer: { status: 200, body: { DeletedDate: aNumber } },
  },
  {
    name: 'GetSecretValue returns the current value',
    given: [create(), put(one, 'x')],
    ask: about('GetSecretValue'),
    answer: (situation) => ({
      status: 200,
      body: {
        ARN: arn(situation),
        Name: situation.name,
        VersionId: one,
        SecretString: 'x',
        VersionStages: ['AWSCURRENT'],
      },
    }),
  },
  {
    name: 'GetSecretValue returns a version by its id',
    given: [create(), put(one, 'x'), put(two, 'y')],
    ask: about('GetSecretValue', { VersionId: one }),
    answer: {
      status: 200,
      body: { VersionId: one, SecretString: 'x', VersionStages: ['AWSPREVIOUS'] },
    },
  },
  {
    name: 'GetSecretValue returns a version by its stage',
    given: [create(), put(one, 'x'), put(two, 'y', { VersionStages: ['AWSPENDING'] })],
    ask: about('GetSecretValue', { VersionStage: 'AWSPENDING' }),
    answer: { status: 200, body: { VersionId: two, SecretString: 'y', VersionStages: ['AWSPENDING'] } },
  },
  {
    name: 'GetSecretValue of a secret that does not exist is refused',
    ask: about('GetSecretValue'),
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'GetSecretValue of a secret without a value is refused',
    given: [create()],
    ask: about('GetSecretValue'),
    answer: { ...absent, body: { message: matching(/staging label: AWSCURRENT/) } },
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'GetSecretValue of a stage that no version has is refused',
    given: [create(), put(one, 'x')],
    ask: about('GetSecretValue', { VersionStage: 'AWSPENDING' }),
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'GetSecretValue of a secret that is scheduled for deletion is refused',
    given: [create(), put(one, 'x'), deleted],
    ask: about('GetSecretValue'),
    answer: { ...marked, body: { message: matching(/delet/) } },
  },
  {
    name: 'GetSecretValue by a user without policies is denied, and the answer names the action',
    given: [...userWithKey(), create({ SecretString: 'x' })],
    ask: ({ name, replies }) =>
      secrets('GetSecretValue', { SecretId: name }, { as: { key: keyOf(replies) } }),
    answer: ({ name, account }) => ({
      status: 400,
      code: 'AccessDeniedException',
      body: {
        message: matching(
          `^User: arn:aws:iam::${account}:user/${name} is not authorized to perform: secretsmanager:GetSecretValue on resource: `,
        ),
      },
    }),
    differs: { moto: moto.queryErrors('403 AccessDenied') },
  },
  {
    name: 'PutSecretValue under the same token answers the same version',
    given: [create(), put(one, 'x')],
    ask: put(one, 'x'),
    answer: { status: 200, body: { VersionId: one, VersionStages: ['AWSCURRENT'] } },
  },
  {
    name: 'PutSecretValue of another value under the same token is refused',
    given: [create(), put(one, 'x')],
    ask: put(one, 'y'),
    answer: { status: 400, code: 'ResourceExistsException' },
  },
  {
    name: 'PutSecretValue as AWSPENDING keeps the current version',
    given: [create(), put(one, 'x'), put(two, 'y', { VersionStages: ['AWSPENDING'] })],
    ask: about('DescribeSecret'),
    answer: {
      status: 200,
      body: { VersionIdsToStages: { [one]: ['AWSCURRENT'], [two]: ['AWSPENDING'] } },
    },
  },
  {
    name: 'PutSecretValue into a secret that does not exist is refused',
    ask: put(one, 'x'),
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'PutSecretValue into a secret that is scheduled for deletion is refused',
    given: [create(), deleted],
    ask: put(one, 'x'),
    answer: marked,
    differs: { moto: moto.writesDeleted },
  },
  {
    name: 'UpdateSecretVersionStage moves AWSCURRENT, and the old version becomes AWSPREVIOUS',
    given: [
      create(),
      put(one, 'x'),
      put(two, 'y', { VersionStages: ['AWSPENDING'] }),
      about('UpdateSecretVersionStage', {
        VersionStage: 'AWSCURRENT',
        RemoveFromVersionId: one,
        MoveToVersionId: two,
      }),
    ],
    ask: about('DescribeSecret'),
    answer: {
      status: 200,
      body: {
        VersionIdsToStages: {
          [one]: ['AWSPREVIOUS'],
          [two]: listWith('AWSCURRENT', 'AWSPENDING'),
        },
      },
    },
  },
  {
    name: 'UpdateSecretVersionStage removes a stage',
    given: [
      create(),
      put(one, 'x'),
      put(two, 'y', { VersionStages: ['AWSPENDING'] }),
      about('UpdateSecretVersionStage', { VersionStage: 'AWSPENDING', RemoveFromVersionId: two }),
    ],
    ask: about('GetSecretValue', { VersionStage: 'AWSPENDING' }),
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'UpdateSecretVersionStage without the version that has the stage is refused',
    given: [create(), put(one, 'x'), put(two, 'y', { VersionStages: ['AWSPENDING'] })],
    ask: about('UpdateSecretVersionStage', { VersionStage: 'AWSCURRENT', MoveToVersionId: two }),
    answer: { status: 400, code: 'InvalidParameterException' },
  },
  {
    name: 'ListSecretVersionIds returns the stages of each version',
    given: [create(), put(one, 'x'), put(two, 'y')],
    ask: about('ListSecretVersionIds', { IncludeDeprecated: true }),
    answer: {
      status: 200,
      body: {
        Versions: listWith(
          having({ VersionId: one, VersionStages: ['AWSPREVIOUS'] }),
          having({ VersionId: two, VersionStages: ['AWSCURRENT'] }),
        ),
      },
    },
  },
  {
    name: 'DeleteSecret returns the date of deletion',
    given: [create()],
    ask: deleted,
    answer: (situation) => ({
      status: 200,
      body: { ARN: arn(situation), Name: situation.name, DeletionDate: aNumber },
    }),
  },
  {
    name: 'DeleteSecret of one that is scheduled for deletion is refused',
    given: [create(), deleted],
    ask: deleted,
    answer: marked,
  },
  {
    name: 'DeleteSecret without recovery of one that is scheduled for deletion is accepted',
    given: [create(), deleted],
    ask: about('DeleteSecret', { ForceDeleteWithoutRecovery: true }),
    answer: { status: 200, body: { DeletionDate: aNumber } },
  },
  {
    name: 'DeleteSecret of one that does not exist is refused',
    ask: deleted,
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'RestoreSecret makes it readable again',
    given: [create(), put(one, 'x'), deleted, about('RestoreSecret')],
    ask: about('GetSecretValue'),
    answer: { status: 200, body: { SecretString: 'x' } },
  },
  {
    name: 'RestoreSecret of one that does not exist is refused',
    ask: about('RestoreSecret'),
    answer: absent,
    differs: { moto: moto.notFound404 },
  },
  {
    name: 'TagResource adds a tag and overwrites one',
    given: [
      create({ Tags: [{ Key: 'k', Value: '1' }] }),
      about('TagResource', { Tags: [{ Key: 'k', Value: '2' }] }),
    ],
    ask: about('DescribeSecret'),
    answer: { status: 200, body: { Tags: [{ Key: 'k', Value: '2' }] } },
  },
  {
    name: 'ListSecrets filters by the beginning of a tag key and returns the tags',
    given: [create({ Tags: [{ Key: 'wire:listed', Value: '1' }] })],
    ask: () => secrets('ListSecrets', { Filters: [{ Key: 'tag-key', Values: ['wire:lis'] }] }),
    answer: {
      status: 200,
      body: { SecretList: [having({ Tags: [{ Key: 'wire:listed', Value: '1' }] })] },
    },
  },
  {
    name: 'ListSecrets leaves out secrets without such a tag',
    given: [create({ Tags: [{ Key: 'wire:other', Value: '1' }] })],
    ask: () => secrets('ListSecrets', { Filters: [{ Key: 'tag-key', Values: ['wire:absent'] }] }),
    answer: { status: 200, body: { SecretList: [] } },
  },
  ...conditionsOf('json', () => secrets('ListSecrets')),
];
