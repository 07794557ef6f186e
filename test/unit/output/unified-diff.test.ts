import { expect, it } from 'vitest';
import { createStyle } from '../../../src/output/style.ts';
import { Layout } from '../../../src/output/layout.ts';
import { unifiedDiff } from '../../../src/output/unified-diff.ts';
import { changeLines } from '../../../src/output/views/changes.ts';

it('shows three lines around a difference', async () => {
  const policy = (last: string): object => ({ Action: ['a', 'b', 'c', 'd', 'e', last] });
  expect(await unifiedDiff({ format: 'json', before: policy('f'), after: policy('g') })).toEqual([
    '@@ -5,6 +5,6 @@',
    '     "c",',
    '     "d",',
    '     "e",',
    '-    "f"',
    '+    "g"',
    '   ]',
    ' }',
  ]);
});

it('has no lines without a difference', async () => {
  expect(await unifiedDiff({ format: 'yaml', before: { a: 1 }, after: { a: 1 } })).toEqual([]);
});

it('shows texts that differ everywhere as one removal and one addition', async () => {
  const numbers = (offset: number): object => ({
    list: Array.from({ length: 6000 }, (_, index) => index + offset),
  });
  const lines = await unifiedDiff({ format: 'yaml', before: numbers(0), after: numbers(10_000) });
  expect(lines[0]).toBe('@@ -1,6001 +1,6001 @@');
  expect(lines.map(([sign]) => sign).join('')).toBe(`@${'-'.repeat(6001)}${'+'.repeat(6001)}`);
});

const change = {
  action: 'update',
  target: { kind: 'ConfigMap', name: 'shop/one' },
  fields: [{ path: 'data.a', from: 'x', to: 'y' }],
  diff: ['@@ -1,2 +1,2 @@', ' data:', '-  a: x', `+  a: ${'long '.repeat(20)}`],
} as const;

it('stands below its change instead of the fields, and no line is wider than the terminal', () => {
  const lines = changeLines([change], new Layout({ width: 40 }), false);
  expect(lines).toEqual([
    '~ ConfigMap shop/one',
    '    @@ -1,2 +1,2 @@',
    '     data:',
    '    -  a: x',
    '    +  a: long long long long long long ',
    '    +  long long long long long long lon',
    '    +  g long long long long long long l',
    '    +  ong ',
  ]);
  expect(changeLines([change], new Layout({ width: 40, wide: true }), false).at(-1)).toBe(
    `    +  a: ${'long '.repeat(20)}`,
  );
});

it('is green where it adds and red where it removes', () => {
  const { good, bad, dim } = createStyle(true);
  const lines = changeLines([change], new Layout({ color: true, width: 200 }), false);
  expect(lines.slice(1, 4)).toEqual(
    [dim('@@ -1,2 +1,2 @@'), ' data:', bad('-  a: x')].map((line) => `    ${line}`),
  );
  expect(lines[4]).toBe(`    ${good(change.diff[3])}`);
});
