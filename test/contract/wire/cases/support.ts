import { expect } from 'vitest';
import type { KeyPair, SigningKey } from '../../../../sandbox/ports.ts';
import type { Ask, Need } from '../case.ts';
import type { Reply } from '../reply.ts';
import { iam, sts } from '../request.ts';

/** Matches values that must exist but are unpredictable. */
export const something = expect.stringMatching(/./) as unknown;

export const aNumber = expect.any(Number) as unknown;

/** Matches a list that contains at least these members, in any order. */
export const listWith = (...members: readonly unknown[]): unknown => expect.arrayContaining([...members]);

/** Matches an object that contains at least these fields. */
export const having = (fields: object): unknown => expect.objectContaining(fields);

/** Matches an object that does not have all of these fields. */
export const lacking = (fields: object): unknown => expect.not.objectContaining(fields);

export const matching = (pattern: RegExp | string): unknown => expect.stringMatching(pattern);

export const document = (...Statement: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement });

export const allow = (Action: string | readonly string[], Resource: string | readonly string[] = '*') => ({
  Effect: 'Allow',
  Action,
  Resource,
});

/** Creates a user with the situation's name, a key and these permissions. {@link keyOf} finds the key. */
export const userWithKey = (...statements: readonly object[]): readonly Ask[] => [
  ({ name }) => iam('CreateUser', { UserName: name }),
  ({ name }) => iam('CreateAccessKey', { UserName: name }),
  ...(statements.length === 0
    ? []
    : [
        ({ name }: { name: string }) =>
          iam('PutUserPolicy', {
            UserName: name,
            PolicyName: 'contract',
            PolicyDocument: document(...statements),
          }),
      ]),
];

interface CreatedKey {
  readonly CreateAccessKeyResult?: {
    readonly AccessKey: { readonly AccessKeyId: string; readonly SecretAccessKey: string };
  };
}

/** The first key that was created in these replies. */
export function keyOf(replies: readonly Reply[]): KeyPair {
  for (const { body } of replies) {
    const { CreateAccessKeyResult: created } = (body ?? {}) as CreatedKey;
    if (!created) continue;
    return {
      accessKeyId: created.AccessKey.AccessKeyId,
      secretAccessKey: created.AccessKey.SecretAccessKey,
    };
  }
  throw new Error('no access key was made');
}

interface IssuedSession {
  readonly GetSessionTokenResult?: {
    readonly Credentials: {
      readonly AccessKeyId: string;
      readonly SecretAccessKey: string;
      readonly SessionToken: string;
    };
  };
}

/** For cases with temporary credentials. */
export const sessions: Need = {
  capability: 'issuesSessions',
  decides:
    'IAM User Guide, "Permissions for GetSessionToken" and "Disabling permissions for temporary security credentials"',
};

/** Requests temporary credentials with the situation's key. {@link sessionOf} finds them. */
export const session: Ask = ({ replies }) => sts('GetSessionToken', {}, { as: { key: keyOf(replies) } });

/** The first temporary credentials that were issued in these replies. */
export function sessionOf(replies: readonly Reply[]): SigningKey {
  for (const { body } of replies) {
    const { GetSessionTokenResult: issued } = (body ?? {}) as IssuedSession;
    if (!issued) continue;
    const { AccessKeyId, SecretAccessKey, SessionToken } = issued.Credentials;
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  }
  throw new Error('no temporary credentials were issued');
}

/** Disables the situation's key. */
export const disableKey: Ask = ({ name, replies }) => {
  const { accessKeyId: AccessKeyId } = keyOf(replies);
  return iam('UpdateAccessKey', { UserName: name, AccessKeyId, Status: 'Inactive' });
};

export const deleteKey: Ask = ({ name, replies }) =>
  iam('DeleteAccessKey', { UserName: name, AccessKeyId: keyOf(replies).accessKeyId });
