import { startProduct } from '../../test/lab/product.ts';
import { type Spread, spreadOf } from '../mirror/results.ts';
import type { Api, Requests } from './api.ts';

/** What runs of one command took. */
export interface CommandResult {
  readonly title: string;
  readonly seconds: Spread;
  /** User and system time of ecr-bootstrap. */
  readonly cpuSeconds: number;
  readonly maxMemoryBytes: number;
  /** Of all programs, while the command ran. */
  readonly requests: Requests;
}

interface Run extends Requests {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** Makes Node print its CPU time in microseconds and the peak of its memory in KiB. */
const printUsage = `--import=data:text/javascript,process.on('exit',()=>{const{userCPUTime:u,systemCPUTime:s,maxRSS:r}=process.resourceUsage();process.stderr.write('usage='+(u+s)+','+r)})`;

/** Runs a command of ecr-bootstrap once. Its exit code must be 0. */
export const measure = async (api: Api, title: string, ...args: readonly string[]): Promise<CommandResult> =>
  resultOf(title, [await run(api, args)]);

/**
 * Runs commands in turns, because the memory of the API server, and so the time of its garbage collection, depends on what
 * it did before.
 * @param commands their arguments, by their titles
 */
export async function measureInTurns(
  api: Api,
  rounds: number,
  commands: Readonly<Record<string, readonly string[]>>,
): Promise<CommandResult[]> {
  const runs = Object.entries(commands).map(([title, args]) => ({ title, args, done: [] as Run[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { args, done } of runs) done.push(await run(api, args));
  }
  return runs.map(({ title, done }) => resultOf(title, done));
}

async function run(api: Api, args: readonly string[]): Promise<Run> {
  const before = await api.requests();
  const began = performance.now();
  const { code, stdout, stderr } = await startProduct(args, { NODE_OPTIONS: printUsage }).ended;
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}:\n${stderr}${stdout}`);
  const after = await api.requests();
  const [, cpu, memory] = /usage=(\d+),(\d+)/.exec(stderr) ?? [];
  return {
    seconds,
    cpuSeconds: Number(cpu) / 1e6,
    memoryBytes: Number(memory) * 1024,
    lists: after.lists - before.lists,
    writes: after.writes - before.writes,
    serverCpuSeconds: after.serverCpuSeconds - before.serverCpuSeconds,
  };
}

function resultOf(title: string, runs: readonly Run[]): CommandResult {
  const median = (of: (one: Run) => number): number => spreadOf(runs.map(of)).median;
  return {
    title,
    seconds: spreadOf(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(({ cpuSeconds }) => cpuSeconds),
    maxMemoryBytes: spreadOf(runs.map(({ memoryBytes }) => memoryBytes)).max,
    requests: {
      lists: median(({ lists }) => lists),
      writes: median(({ writes }) => writes),
      serverCpuSeconds: median(({ serverCpuSeconds }) => serverCpuSeconds),
    },
  };
}
