import type { Case } from '../case.ts';
import { iam, sts } from '../request.ts';
import { conditionsOf } from './conditions.ts';
import { moto } from './differences.ts';
import { allow, matching, session, sessionOf, sessions, something, userWithKey } from './support.ts';

const someKey = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

export const stsCases: readonly Case[] = [
  {
    name: 'GetCallerIdentity returns account and ARN',
    ask: () => sts('GetCallerIdentity'),
    answer: ({ account }) => ({
      status: 200,
      headers: { 'content-type': /^text\/xml/, 'x-amzn-requestid': /./ },
      body: {
        GetCallerIdentityResult: {
          Account: account,
          Arn: matching(`^arn:aws:(iam|sts)::${account}:`),
          UserId: something,
        },
        ResponseMetadata: { RequestId: something },
      },
    }),
  },
  {
    name: 'a key that does not exist is refused',
    ask: () => sts('GetCallerIdentity', {}, { as: { key: someKey } }),
    answer: {
      status: 403,
      code: 'InvalidClientTokenId',
      body: { Error: { Type: 'Sender' }, RequestId: something },
    },
    differs: { moto: moto.xmlInErrors('403 InvalidClientTokenId') },
  },
  {
    name: 'a request without a signature is refused',
    ask: () => sts('GetCallerIdentity', {}, { as: 'anonymous' }),
    answer: { status: 403, code: 'MissingAuthenticationToken', headers: { date: / GMT$/ } },
    differs: { moto: moto.unsigned },
  },
  {
    name: 'a clock that is 16 minutes behind is refused',
    ask: () => sts('GetCallerIdentity', {}, { skew: -16 * 60_000 }),
    answer: {
      status: 403,
      code: 'SignatureDoesNotMatch',
      body: { Error: { Message: matching(/^Signature expired: /) } },
    },
    differs: { moto: moto.clock },
  },
  {
    name: 'GetSessionToken needs no permission and returns temporary credentials',
    needs: sessions,
    given: userWithKey(),
    ask: session,
    answer: {
      status: 200,
      body: {
        GetSessionTokenResult: {
          Credentials: {
            AccessKeyId: matching('^ASIA'),
            SecretAccessKey: something,
            SessionToken: something,
            Expiration: something,
          },
        },
      },
    },
  },
  {
    name: 'GetSessionToken with temporary credentials is refused',
    needs: sessions,
    given: [...userWithKey(), session],
    ask: ({ replies }) => sts('GetSessionToken', {}, { as: { key: sessionOf(replies) } }),
    answer: { status: 403, code: 'AccessDenied' },
  },
  {
    name: 'IAM refuses temporary credentials of GetSessionToken without MFA',
    needs: sessions,
    given: [...userWithKey(allow('iam:GetUser')), session],
    ask: ({ name, replies }) => iam('GetUser', { UserName: name }, { as: { key: sessionOf(replies) } }),
    answer: { status: 403, code: 'InvalidClientTokenId' },
  },
  ...conditionsOf('query', () => sts('GetCallerIdentity')),
];
