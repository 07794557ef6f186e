import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageOfTree } from './processes.ts';

/** What one command cost. */
export interface Cost {
  readonly seconds: number;
  /** User and system time of the command, of all that it started, and of the engine that worked for it. */
  readonly cpuSeconds: number;
  /** The most that all these processes held together. Bytes. */
  readonly peakMemory: number;
}

export interface Running {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** A daemon that does the command's work. */
  readonly daemon?: number;
  /** Ends the command and all that it started. */
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at the memory. */
const interval = 50;

/**
 * Runs a command to its end and measures it as a whole, its start included.
 * @throws Error when it fails, with the end of what it wrote
 */
export async function measure(command: readonly string[], running: Running): Promise<Cost> {
  const { folder, env, daemon, signal } = running;
  signal.throwIfAborted();
  const figures = join(folder, 'time');
  const before = daemon === undefined ? 0 : usageOfTree(daemon).cpuSeconds;
  const started = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-o', figures, '--', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    // A group of its own, which can be ended as a whole.
    detached: true,
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  signal.addEventListener('abort', end);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-4000)));
  }
  let peak = 0;
  const watched = [child.pid, daemon].filter((pid) => pid !== undefined);
  const sampler = setInterval(() => {
    const resident = watched.reduce((sum, pid) => sum + usageOfTree(pid).resident, 0);
    peak = Math.max(peak, resident);
  }, interval);
  const exit = once(child, 'exit').finally(() => {
    clearInterval(sampler);
    signal.removeEventListener('abort', end);
  });
  const [code] = (await exit) as [number | null];
  signal.throwIfAborted();
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}`);
  const [user = 0, system = 0, largest = 0] = (await readFile(figures, 'utf8')).trim().split(' ').map(Number);
  const after = daemon === undefined ? 0 : usageOfTree(daemon).cpuSeconds;
  return {
    seconds,
    cpuSeconds: user + system + after - before,
    peakMemory: Math.max(peak, largest * 1024),
  };
}
