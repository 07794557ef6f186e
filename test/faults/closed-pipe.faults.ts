import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Milliseconds. Each test starts the program and a sandbox in it. */
const slow = { timeout: 120_000 };
const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-pipe-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs the program in its own process against a new sandbox, and closes the reading end of one stream immediately.
 */
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

it('up completes when stdout is closed', slow, async () => {
  const { code, heard } = await runWithout('stdout', 'up --yes');
  expect(heard).toMatch(/✓ nodes that pull from ECR +3 created/);
  expect(code, heard).toBe(0);
});

it('up completes when stderr is closed', slow, async () => {
  const { code, heard } = await runWithout('stderr', 'up --yes');
  expect(heard).toMatch(/^Done: \d+ changes/m);
  expect(code, heard).toBe(0);
});

it('up --dry-run --exit-code keeps its exit code when stdout is closed', slow, async () => {
  expect(await runWithout('stdout', 'up --dry-run --exit-code')).toMatchObject({ code: 3 });
});

it('an error keeps its exit code when stderr is closed', slow, async () => {
  expect(await runWithout('stderr', 'up --account-id 999999999999')).toMatchObject({ code: 2 });
});

it('status --watch ends when stdout is closed', slow, async () => {
  expect(await runWithout('stdout', 'status --watch')).toMatchObject({ code: 3 });
});
