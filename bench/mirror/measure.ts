import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Cost {
  readonly seconds: number;
  /** User and system time of the command and its descendants. */
  readonly cpuSeconds: number;
  /** The peak of the total memory of these processes. */
  readonly peakMemoryBytes: number;
}

export interface Run extends Cost {
  readonly hasSucceeded: boolean;
  /** The end of the output. */
  readonly output: string;
}

/** The processors of this machine, for results. */
export const processors = (): string => `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`;

const memoryIntervalMs = 50;

/**
 * Runs a command to its end and measures all of it, including its start. No other child of this process may end
 * meanwhile.
 */
export async function measure(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Run> {
  const cpuSecondsBefore = cpuSecondsOfChildren();
  const startedMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, signal });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-4000)));
  let peakMemoryBytes = 0;
  const sampler = setInterval(() => {
    peakMemoryBytes = Math.max(peakMemoryBytes, residentBytes(child.pid));
  }, memoryIntervalMs);
  const [code] = (await once(child, 'exit').finally(() => clearInterval(sampler))) as [number | null];
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuSeconds = cpuSecondsOfChildren() - cpuSecondsBefore;
  return { seconds, cpuSeconds, peakMemoryBytes, hasSucceeded: code === 0, output };
}

/** USER_HZ: the unit of CPU times in /proc on all but a few old architectures. */
const ticksPerSecond = 100;

/** CPU time of all children of this process that have ended, and of their descendants. */
function cpuSecondsOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // proc(5): cutime and cstime are fields 16 and 17; the name in brackets, field 2, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** The memory of a process and its descendants. */
function residentBytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    const ownBytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    return children.reduce((sum, child) => sum + residentBytes(Number(child)), ownBytes);
  } catch {
    // The process has ended.
    return 0;
  }
}
