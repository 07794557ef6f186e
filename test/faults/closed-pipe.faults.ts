import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Milliseconds: each starts the program, with a sandbox in it. */
const patient = { timeout: 120_000 };
const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-pipe-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program as a process of its own, against a fresh sandbox, with the reading end of one stream closed at once. */
async function runWithout(
  closed: 'stdout' | 'stderr',
  line: string,
): Promise<{ code: number; heard: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, 'sandbox', ...line.split(' ')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder },
  });
  child[closed].destroy();
  let heard = '';
  const open = closed === 'stdout' ? child.stderr : child.stdout;
  open.on('data', (text: Buffer) => (heard += text.toString()));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => resolve(ended ?? -1));
  });
  return { code, heard };
}

it('a run that changes something goes to its end when nobody reads its results', patient, async () => {
  const { code, heard } = await runWithout('stdout', 'up --yes');
  expect(heard).toMatch(/✓ images +16 changes/);
  expect(code, heard).toBe(0);
});

it('nor is its progress needed', patient, async () => {
  const { code, heard } = await runWithout('stderr', 'up --yes');
  expect(heard).toMatch(/^Done: \d+ changes/m);
  expect(code, heard).toBe(0);
});

it('a result that nobody reads still decides the exit code', patient, async () => {
  expect(await runWithout('stdout', 'up --dry-run --exit-code')).toMatchObject({ code: 3 });
});

it('an error that nobody reads still decides the exit code', patient, async () => {
  expect(await runWithout('stderr', 'up --account-id 999999999999')).toMatchObject({ code: 2 });
});

it('watching ends when nobody reads what is seen', patient, async () => {
  expect(await runWithout('stdout', 'status --watch')).toMatchObject({ code: 3 });
});
