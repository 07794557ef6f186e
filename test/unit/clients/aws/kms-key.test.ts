import { expect, it } from 'vitest';
import { mayBeSameKey } from '../../../../src/clients/aws/kms-key.ts';

const [id, other] = ['1234abcd-12ab-34cd-56ef-1234567890ab', 'ffffffff-12ab-34cd-56ef-1234567890ab'];
const arn = (key: string) => `arn:aws:kms:eu-west-1:123456789012:key/${key}`;
const alias = 'alias/ecr';
const aliasArn = `arn:aws:kms:eu-west-1:123456789012:${alias}`;

it.each([
  [id, id],
  [id, arn(id)],
  [arn(id), id],
  [alias, aliasArn],
  [aliasArn, alias],
])('treats %s and %s as the same key', (one, two) => {
  expect(mayBeSameKey(one, two)).toBe(true);
});

it.each([
  [alias, arn(id)],
  [aliasArn, arn(id)],
  [alias, id],
])('treats %s and %s as possibly the same key, because an alias does not reveal its key', (one, two) => {
  expect(mayBeSameKey(one, two)).toBe(true);
});

it.each([
  [id, arn(other)],
  [arn(id), arn(other)],
  [arn(id), arn(id).replace('123456789012', '999999999999')],
  ['alias/other', aliasArn],
])('treats %s and %s as different keys', (one, two) => {
  expect(mayBeSameKey(one, two)).toBe(false);
});
