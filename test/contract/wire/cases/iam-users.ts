import type { Ask, Case } from '../case.ts';
import { iam } from '../request.ts';
import { conditionsOf } from './conditions.ts';
import { moto } from './differences.ts';
import { keyOf, matching, something, userWithKey } from './support.ts';

const user: Ask = ({ name }) => iam('CreateUser', { UserName: name });
const key: Ask = ({ name }) => iam('CreateAccessKey', { UserName: name });
const boundary = 'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser';
const date = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

/** Users and their access keys. */
export const iamUserCases: readonly Case[] = [
  {
    name: 'CreateUser answers with the user, its path, tags and boundary',
    ask: ({ name }) =>
      iam('CreateUser', {
        UserName: name,
        Path: '/contract/',
        PermissionsBoundary: boundary,
        Tags: [{ Key: 'ecr-bootstrap:project', Value: 'a & <b>' }],
      }),
    answer: ({ name, account }) => ({
      status: 200,
      headers: { 'content-type': /^text\/xml/ },
      body: {
        CreateUserResult: {
          User: {
            UserName: name,
            Path: '/contract/',
            Arn: `arn:aws:iam::${account}:user/contract/${name}`,
            UserId: something,
            CreateDate: date,
            Tags: [{ Key: 'ecr-bootstrap:project', Value: 'a & <b>' }],
            PermissionsBoundary: { PermissionsBoundaryArn: boundary },
          },
        },
      },
    }),
    differs: { moto: moto.boundaryNotReturned },
  },
  {
    name: 'CreateUser of a name that exists is refused',
    given: [user],
    ask: user,
    answer: { status: 409, code: 'EntityAlreadyExists' },
  },
  {
    name: 'GetUser returns tags and boundary',
    given: [
      ({ name }) =>
        iam('CreateUser', {
          UserName: name,
          PermissionsBoundary: boundary,
          Tags: [{ Key: 'k', Value: 'v' }],
        }),
    ],
    ask: ({ name }) => iam('GetUser', { UserName: name }),
    answer: ({ name }) => ({
      status: 200,
      body: {
        GetUserResult: {
          User: {
            UserName: name,
            Path: '/',
            Tags: [{ Key: 'k', Value: 'v' }],
            PermissionsBoundary: { PermissionsBoundaryArn: boundary },
          },
        },
      },
    }),
    differs: { moto: moto.boundaryNotReturned },
  },
  {
    name: 'GetUser of a user that does not exist is refused',
    ask: ({ name }) => iam('GetUser', { UserName: name }),
    answer: ({ name }) => ({
      status: 404,
      code: 'NoSuchEntity',
      body: { Error: { Message: matching(name) } },
    }),
  },
  {
    name: 'TagUser adds a tag and overwrites one',
    given: [
      ({ name }) => iam('CreateUser', { UserName: name, Tags: [{ Key: 'a', Value: '1' }] }),
      ({ name }) =>
        iam('TagUser', {
          UserName: name,
          Tags: [
            { Key: 'a', Value: '2' },
            { Key: 'b', Value: '3' },
          ],
        }),
    ],
    ask: ({ name }) => iam('GetUser', { UserName: name }),
    answer: {
      status: 200,
      body: {
        GetUserResult: {
          User: {
            Tags: [
              { Key: 'a', Value: '2' },
              { Key: 'b', Value: '3' },
            ],
          },
        },
      },
    },
  },
  {
    name: 'UntagUser removes a tag',
    given: [
      ({ name }) =>
        iam('CreateUser', {
          UserName: name,
          Tags: [
            { Key: 'a', Value: '1' },
            { Key: 'b', Value: '2' },
          ],
        }),
      ({ name }) => iam('UntagUser', { UserName: name, TagKeys: ['a'] }),
    ],
    ask: ({ name }) => iam('GetUser', { UserName: name }),
    answer: { status: 200, body: { GetUserResult: { User: { Tags: [{ Key: 'b', Value: '2' }] } } } },
  },
  {
    name: 'TagUser of a user that does not exist is refused',
    ask: ({ name }) => iam('TagUser', { UserName: name, Tags: [{ Key: 'a', Value: '1' }] }),
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'PutUserPermissionsBoundary sets the boundary',
    given: [
      user,
      ({ name }) => iam('PutUserPermissionsBoundary', { UserName: name, PermissionsBoundary: boundary }),
    ],
    ask: ({ name }) => iam('GetUser', { UserName: name }),
    answer: {
      status: 200,
      body: { GetUserResult: { User: { PermissionsBoundary: { PermissionsBoundaryArn: boundary } } } },
    },
    differs: { moto: moto.boundaryUnknown },
  },
  {
    name: 'DeleteUserPermissionsBoundary removes the boundary',
    given: [({ name }) => iam('CreateUser', { UserName: name, PermissionsBoundary: boundary })],
    ask: ({ name }) => iam('DeleteUserPermissionsBoundary', { UserName: name }),
    answer: { status: 200, body: { ResponseMetadata: { RequestId: something } } },
    differs: { moto: moto.boundaryUnknown },
  },
  {
    name: 'DeleteUser deletes',
    given: [user],
    ask: ({ name }) => iam('DeleteUser', { UserName: name }),
    answer: { status: 200, body: { ResponseMetadata: { RequestId: something } } },
  },
  {
    name: 'DeleteUser of a user that does not exist is refused',
    ask: ({ name }) => iam('DeleteUser', { UserName: name }),
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'DeleteUser of a user with a key is refused',
    given: [user, key],
    ask: ({ name }) => iam('DeleteUser', { UserName: name }),
    answer: { status: 409, code: 'DeleteConflict' },
    differs: { moto: moto.noDeleteConflict('DeleteUser') },
  },
  {
    name: 'ListGroupsForUser of a user without groups is empty',
    given: [user],
    ask: ({ name }) => iam('ListGroupsForUser', { UserName: name }),
    answer: { status: 200, body: { ListGroupsForUserResult: { Groups: '', IsTruncated: 'false' } } },
  },
  {
    name: 'CreateAccessKey returns the secret',
    given: [user],
    ask: key,
    answer: ({ name }) => ({
      status: 200,
      body: {
        CreateAccessKeyResult: {
          AccessKey: {
            UserName: name,
            AccessKeyId: matching(/^AKIA[A-Z0-9]{16}$/),
            SecretAccessKey: matching(/^[\w+/]{40}$/),
            Status: 'Active',
            CreateDate: date,
          },
        },
      },
    }),
  },
  {
    name: 'CreateAccessKey for a user that does not exist is refused',
    ask: key,
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'CreateAccessKey for a user with two keys is refused',
    given: [user, key, key],
    ask: key,
    answer: { status: 409, code: 'LimitExceeded' },
  },
  {
    name: 'ListAccessKeys returns no secret',
    given: [user, key],
    ask: ({ name }) => iam('ListAccessKeys', { UserName: name }),
    answer: ({ name, replies }) => ({
      status: 200,
      body: {
        ListAccessKeysResult: {
          AccessKeyMetadata: [
            {
              UserName: name,
              AccessKeyId: keyOf(replies).accessKeyId,
              Status: 'Active',
              CreateDate: date,
            },
          ],
        },
      },
    }),
  },
  {
    name: 'ListAccessKeys of a user that does not exist is refused',
    ask: ({ name }) => iam('ListAccessKeys', { UserName: name }),
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'UpdateAccessKey disables a key',
    given: [
      user,
      key,
      ({ name, replies }) =>
        iam('UpdateAccessKey', {
          UserName: name,
          AccessKeyId: keyOf(replies).accessKeyId,
          Status: 'Inactive',
        }),
    ],
    ask: ({ name }) => iam('ListAccessKeys', { UserName: name }),
    answer: { status: 200, body: { ListAccessKeysResult: { AccessKeyMetadata: [{ Status: 'Inactive' }] } } },
  },
  {
    name: 'UpdateAccessKey of a key that does not exist is refused',
    given: [user],
    ask: ({ name }) =>
      iam('UpdateAccessKey', { UserName: name, AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', Status: 'Inactive' }),
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'DeleteAccessKey deletes',
    given: [
      user,
      key,
      ({ name, replies }) =>
        iam('DeleteAccessKey', { UserName: name, AccessKeyId: keyOf(replies).accessKeyId }),
    ],
    ask: ({ name }) => iam('ListAccessKeys', { UserName: name }),
    answer: { status: 200, body: { ListAccessKeysResult: { AccessKeyMetadata: '' } } },
  },
  {
    name: 'DeleteAccessKey of a key that does not exist is refused',
    given: [user],
    ask: ({ name }) => iam('DeleteAccessKey', { UserName: name, AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' }),
    answer: { status: 404, code: 'NoSuchEntity' },
  },
  {
    name: 'GetAccessKeyLastUsed of an unused key returns no date',
    given: [user, key],
    ask: ({ replies }) => iam('GetAccessKeyLastUsed', { AccessKeyId: keyOf(replies).accessKeyId }),
    answer: ({ name }) => ({
      status: 200,
      body: {
        GetAccessKeyLastUsedResult: {
          UserName: name,
          AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' },
        },
      },
    }),
  },
  {
    name: 'a user without policies is denied, and the answer names the action',
    given: userWithKey(),
    ask: ({ name, replies }) => iam('CreateUser', { UserName: `${name}-2` }, { as: { key: keyOf(replies) } }),
    answer: ({ name, account }) => ({
      status: 403,
      code: 'AccessDenied',
      body: {
        Error: {
          Message: matching(
            `^User: arn:aws:iam::${account}:user/${name} is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::${account}:user/${name}-2`,
          ),
        },
      },
    }),
    differs: { moto: moto.xmlInErrors('403 AccessDenied') },
  },
  ...conditionsOf('query', () => iam('ListAccessKeys', { UserName: 'nobody' })),
];
