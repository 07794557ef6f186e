import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runSubprocess, type SubprocessOptions } from '../../../src/core/subprocess.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'subprocess-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const run = (script: string, options: Partial<SubprocessOptions> = {}) =>
  runSubprocess('sh', {
    args: ['-c', script],
    env: { PATH: process.env['PATH'] },
    input: '',
    timeoutMs: 30_000,
    ...options,
  });

/** Starts a process that runs for an hour and ignores SIGTERM, and writes down its process ID. */
const stubborn = (): string => `trap '' TERM; sleep 3600 & echo $! > ${join(folder, 'pid')}; wait`;

async function startedPid(): Promise<number> {
  return vi.waitFor(() => {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(pid).toBeGreaterThan(1);
    return pid;
  });
}

/** A killed process remains in the process table, as a zombie, until its parent reaps it. */
const expectGone = (pid: number) =>
  vi.waitFor(
    () => {
      const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
      expect(stdout.trim()).toMatch(/^(Z|$)/);
    },
    { timeout: 10_000 },
  );

it('closes the input of a program that reads more than it gets', async () => {
  expect(await run('cat; echo and that was all', { input: 'a line\n' })).toEqual({
    status: 0,
    stdout: 'a line\nand that was all\n',
    stderr: '',
  });
});

it('returns the status and the standard error of a program that fails', async () => {
  expect(await run('echo log in first >&2; exit 3')).toMatchObject({
    status: 3,
    stderr: 'log in first\n',
  });
});

it('kills a program and the processes that it started at its timeout', async () => {
  const ended = run(stubborn(), { timeoutMs: 300 });
  await expect(ended).rejects.toThrow('sh did not end within 1 s');
  await expectGone(await startedPid());
});

it('kills a program and the processes that it started when the run ends', async () => {
  const abandoned = new AbortController();
  const ended = run(stubborn(), { signal: abandoned.signal });
  const pid = await startedPid();
  abandoned.abort();
  await expect(ended).rejects.toThrow('sh was stopped because the run ended');
  await expectGone(pid);
});

it('starts no program after the run has ended', async () => {
  const ended = run(`touch ${join(folder, 'started')}`, { signal: AbortSignal.abort(new Error('the end')) });
  await expect(ended).rejects.toThrow('the end');
  expect(() => readFileSync(join(folder, 'started'))).toThrow('ENOENT');
});

it('kills a program that prints endlessly', async () => {
  await expect(run('yes')).rejects.toThrow('sh printed more than 1048576 bytes');
});
