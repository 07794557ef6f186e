import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { refuseAliasBomb } from '../../../src/core/yaml-aliases.ts';
import { parseObjects } from '../../../src/external-secrets/release/parse.ts';

const doubled = (times: number, item: (before: string) => string): string =>
  Array.from({ length: times }, (_, index) => `a${index + 1}: &a${index + 1} ${item(`*a${index}`)}`).join(
    '\n',
  );

const endless = [
  ['mappings that double', `a0: &a0 x\n${doubled(30, (a) => `{l: ${a}, r: ${a}}`)}`],
  ['lists that double', `a0: &a0 x\n${doubled(30, (a) => `[${a}, ${a}]`)}`],
  ['a very long chain', `a0: &a0 x\n${doubled(5_000, (a) => `[${a}]`)}`],
  ['a list that contains itself', 'a: &a [*a]'],
  ['a mapping that contains itself', 'a: &a {b: *a}'],
] as const;

it.each(endless)('refuses YAML with %s', (_case, text) => {
  expect(() => {
    refuseAliasBomb(load(text));
  }).toThrow('its aliases stand for too many values');
});

it.each(endless)('refuses a manifest of the operator with %s', async (_case, text) => {
  await expect(parseObjects(text, 'a file')).rejects.toMatchObject({
    code: 'manifest-unusable',
    why: expect.stringContaining('its aliases stand for too many values') as string,
  });
});

it('accepts YAML with ordinary aliases', () => {
  expect(() => {
    refuseAliasBomb(load(`a0: &a0 x\n${doubled(10, (a) => `[${a}, ${a}]`)}`));
  }).not.toThrow();
});
