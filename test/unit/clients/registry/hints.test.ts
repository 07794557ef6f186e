import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hintsFile } from '../../../../src/clients/registry/hints.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hints-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('the file tells the next run what this one saw, and not what was wrong', async () => {
  const file = join(folder, 'below', 'hints');
  const first = hintsFile(file);
  expect(await first.has('there host/app:1')).toBe(false);
  await first.add(['there host/app:1', 'there host/app:2', 'open host']);
  await first.forget('there host/app:2');
  await first.forget('open elsewhere');
  const next = hintsFile(file);
  const hints = ['there host/app:1', 'there host/app:2', 'open host', 'open elsewhere'] as const;
  expect(await Promise.all(hints.map((hint) => next.has(hint)))).toEqual([true, false, true, false]);
  await next.add(['there host/app:2']);
  expect(await hintsFile(file).has('there host/app:2')).toBe(true);
});

test('does no harm where it cannot be written', async () => {
  writeFileSync(join(folder, 'file'), '');
  const hints = hintsFile(join(folder, 'file', 'below'));
  await hints.add(['open host']);
  expect(await hints.has('open host')).toBe(true);
});
