import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { reasonOf } from '../../../src/core/errors.ts';

function reasonOfFailed(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    return reasonOf(error);
  }
  throw new Error('it parsed');
}

it.each(['SECRET', '{"token":"x" SECRET}', '{"token":SECRET}', '{"token":"x"}SECRET', '"SECRET', 'SECRE{'])(
  'the reason why %j is not JSON does not quote it',
  (text) => {
    expect(reasonOfFailed(() => JSON.parse(text))).not.toMatch(/SECRE/);
  },
);

it.each([
  'token: *SECRET',
  'token: !SECRET x',
  'token: !<SECRET> x',
  'token: !SECRET!x y',
  'token: !!SECRET y',
  '%TAG !SECRET\n---\na',
  'token: !SECRET{} x',
  'token: "a" SECRET',
  'SECRET: a\nSECRET: b',
])('the reason why %j is not YAML gives the position and does not quote it', (text) => {
  const reason = reasonOfFailed(() => load(text));
  expect(reason).not.toContain('SECRET');
  expect(reason).toMatch(/^\w.*\w \(\d+:\d+\)$/);
});
