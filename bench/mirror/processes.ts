import { readdirSync, readFileSync } from 'node:fs';

/** A process and those that it started, seen through /proc of Linux. */
export interface Usage {
  /** Of the processes and of their children that ended. */
  readonly cpuSeconds: number;
  /** Memory of all together, now. Bytes. */
  readonly resident: number;
}

/** USER_HZ: what Linux counts times in for programs, on all but a few old architectures. */
const ticksPerSecond = 100;

/** Zero for what has ended. */
export function usageOfTree(pid: number): Usage {
  let cpuSeconds = 0;
  let resident = 0;
  for (const member of tree(pid)) {
    cpuSeconds += cpuOf(member);
    resident += Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${member}/status`))?.[1] ?? 0) * 1024;
  }
  return { cpuSeconds, resident };
}

function* tree(pid: number): Generator<number> {
  yield pid;
  for (const thread of threadsOf(pid)) {
    const children = read(`/proc/${pid}/task/${thread}/children`).trim();
    for (const child of children === '' ? [] : children.split(' ')) yield* tree(Number(child));
  }
}

/** utime, stime, cutime and cstime: fields 14 to 17 of proc(5), counted after the name in brackets. */
function cpuOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    return gone(error, []);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return gone(error, '');
  }
}

/** Processes end while they are looked at. */
function gone<T>(error: unknown, instead: T): T {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ESRCH') return instead;
  throw error;
}
