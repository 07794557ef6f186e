import { expect } from 'vitest';
import type { KeyPair } from '../../../../src/sandbox/ports.ts';
import type { Ask } from '../case.ts';
import type { Reply } from '../reply.ts';
import { iam } from '../request.ts';

/** For values that are there but cannot be foreseen. */
export const something = expect.stringMatching(/./) as unknown;

export const aNumber = expect.any(Number) as unknown;

/** A list that has at least these, in any order. */
export const listWith = (...members: readonly unknown[]): unknown => expect.arrayContaining([...members]);

/** An object that has at least these fields. */
export const having = (fields: object): unknown => expect.objectContaining(fields);

export const matching = (pattern: RegExp | string): unknown => expect.stringMatching(pattern);

export const document = (...Statement: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement });

export const allow = (Action: string | readonly string[], Resource: string | readonly string[] = '*') => ({
  Effect: 'Allow',
  Action,
  Resource,
});

/** A user of the situation's name with a key and what the statements allow; {@link keyOf} finds the key. */
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

/** The first key that was made among these replies. */
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

/** Takes the situation's key out of service. */
export const disableKey: Ask = ({ name, replies }) => {
  const { accessKeyId: AccessKeyId } = keyOf(replies);
  return iam('UpdateAccessKey', { UserName: name, AccessKeyId, Status: 'Inactive' });
};

export const deleteKey: Ask = ({ name, replies }) =>
  iam('DeleteAccessKey', { UserName: name, AccessKeyId: keyOf(replies).accessKeyId });
