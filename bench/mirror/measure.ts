import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Cost {
  readonly seconds: number;
  /** User and system time of the command, its descendants and the daemon that works for it. */
  readonly cpuSeconds: number;
  /** The peak of the total memory of these processes. */
  readonly peakMemoryBytes: number;
}

export interface CommandOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Process ID of a daemon that does the command's work. */
  readonly daemon: number | undefined;
  readonly signal: AbortSignal;
}

const memoryIntervalMs = 50;

/**
 * Runs a command to its end and measures all of it, including its start.
 * @throws Error with the end of its output when the command fails
 */
export async function measure(command: readonly string[], options: CommandOptions): Promise<Cost> {
  const { folder, env, daemon, signal } = options;
  signal.throwIfAborted();
  const daemonCpuSeconds = () => (daemon === undefined ? 0 : usageOfTree(daemon).cpuSeconds);
  const figures = join(folder, 'time');
  const before = daemonCpuSeconds();
  const started = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-o', figures, '--', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    // A separate process group can be killed as a whole.
    detached: true,
  });
  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  signal.addEventListener('abort', kill);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-4000)));
  const watched = [child.pid, daemon].filter((pid) => pid !== undefined);
  let peak = 0;
  const sampler = setInterval(() => {
    const resident = watched.reduce((sum, pid) => sum + usageOfTree(pid).residentBytes, 0);
    peak = Math.max(peak, resident);
  }, memoryIntervalMs);
  const [code] = (await once(child, 'exit').finally(() => {
    clearInterval(sampler);
    signal.removeEventListener('abort', kill);
  })) as [number | null];
  signal.throwIfAborted();
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}:\n${output}`);
  const [user = 0, system = 0, largestKiB = 0] = (await readFile(figures, 'utf8'))
    .trim()
    .split(' ')
    .map(Number);
  return {
    seconds,
    cpuSeconds: user + system + daemonCpuSeconds() - before,
    peakMemoryBytes: Math.max(peak, largestKiB * 1024),
  };
}

/** USER_HZ: the unit of CPU times in /proc on all but a few old architectures. */
const ticksPerSecond = 100;

/** A running process and its descendants, according to /proc. CPU time includes that of ended children. */
export function usageOfTree(pid: number): { readonly cpuSeconds: number; readonly residentBytes: number } {
  const stat = read(`/proc/${pid}/stat`);
  // proc(5): utime, stime, cutime and cstime are fields 14 to 17; the name in brackets may contain spaces.
  const ticks = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15);
  let cpuSeconds = ticks.reduce((sum, text) => sum + Number(text), 0) / ticksPerSecond;
  const residentKiB = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0;
  let residentBytes = Number(residentKiB) * 1024;
  for (const thread of orIfEnded([], () => readdirSync(`/proc/${pid}/task`))) {
    const children = read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean);
    for (const child of children.map((text) => usageOfTree(Number(text)))) {
      cpuSeconds += child.cpuSeconds;
      residentBytes += child.residentBytes;
    }
  }
  return { cpuSeconds, residentBytes };
}

const read = (file: string): string => orIfEnded('', () => readFileSync(file, 'utf8'));

function orIfEnded<T>(fallback: T, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return fallback;
    throw error;
  }
}
