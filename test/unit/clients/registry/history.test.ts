import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { historyFile } from '../../../../src/clients/registry/history.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'history-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('keeps the entries of a run for the next one, except those that were removed', async () => {
  const file = join(folder, 'below', 'history');
  const first = historyFile(file);
  expect(await first.has('present host/app:1')).toBe(false);
  await first.add(['present host/app:1', 'present host/app:2', 'anonymous host']);
  await first.remove('present host/app:2');
  await first.remove('anonymous elsewhere');
  const next = historyFile(file);
  const entries = [
    ...(['present host/app:1', 'present host/app:2'] as const),
    ...(['anonymous host', 'anonymous elsewhere'] as const),
  ];
  expect(await Promise.all(entries.map((entry) => next.has(entry)))).toEqual([true, false, true, false]);
  await next.add(['present host/app:2']);
  expect(await historyFile(file).has('present host/app:2')).toBe(true);
});

it('works within the run when the file cannot be written', async () => {
  writeFileSync(join(folder, 'file'), '');
  const history = historyFile(join(folder, 'file', 'below'));
  await history.add(['anonymous host']);
  expect(await history.has('anonymous host')).toBe(true);
});
