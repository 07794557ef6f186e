import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Milliseconds. Each test starts the program and a sandbox in it. */
const slow = { timeout: 120_000 };
const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-pipe-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  /** What the program wrote to its other stream. */
  readonly heard: string;
}

/** Runs the program in its own process against a new sandbox. */
function start(line: string, stdout: 'pipe' | number = 'pipe'): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', program, 'sandbox', ...line.split(' ')], {
    stdio: ['ignore', stdout, 'pipe'],
    env: { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder },
  });
}

/** Closes the reading end of one stream immediately. */
function runWithout(closed: 'stdout' | 'stderr', line: string): Promise<Ended> {
  const child = start(line);
  child[closed]?.destroy();
  return end(child, closed === 'stdout' ? child.stderr : child.stdout);
}

/** Standard output is a file on a disk without space. */
async function runWithFullDisk(line: string): Promise<Ended> {
  const full = openSync('/dev/full', 'w');
  const child = start(line, full);
  closeSync(full);
  return end(child, child.stderr);
}

async function end(child: ChildProcess, open: Readable | null): Promise<Ended> {
  let heard = '';
  open?.on('data', (text: Buffer) => (heard += text.toString()));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => resolve(ended ?? -1));
  });
  return { code, heard };
}

it('up completes when stdout is closed', slow, async () => {
  const { code, heard } = await runWithout('stdout', 'up --yes');
  expect(heard).toMatch(/✓ nodes that pull from ECR +4 created/);
  expect(code, heard).toBe(0);
});

it('up completes when stderr is closed', slow, async () => {
  const { code, heard } = await runWithout('stderr', 'up --yes');
  expect(heard).toMatch(/^Done in .+: \d+ created/m);
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

describe.runIf(existsSync('/dev/full'))('on a full disk', () => {
  it('up completes, and reports that its output was lost', slow, async () => {
    const { code, heard } = await runWithFullDisk('up --yes');
    expect(heard).toMatch(/✓ nodes that pull from ECR +4 created/);
    expect(heard).toMatch(/error: could not write all of the output \[output-lost\]\n +why: .*\bENOSPC\b/);
    expect(code).toBe(1);
  });

  it('every other exit code stays', slow, async () => {
    const { code, heard } = await runWithFullDisk('up --dry-run --exit-code');
    expect(heard).toContain('[output-lost]');
    expect(code).toBe(3);
  });
});
