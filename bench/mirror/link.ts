import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Program } from '../../test/support/program.ts';
import { built } from './build.ts';

/** The way to a registry: a port of loopback behind which it seems as far away as wanted. */
export interface Link {
  readonly address: string;
  /** The process that makes it far; undefined when nothing does. */
  readonly pid?: number;
  stop(): Promise<void>;
}

/** @param roundTrip milliseconds; 0 goes straight there */
export async function openLink(port: number, roundTrip: number, root: string): Promise<Link> {
  if (roundTrip === 0) return { address: `127.0.0.1:${port}`, stop: () => Promise.resolve() };
  const program = await startProxy(port, roundTrip, root);
  const listens = () => /^\d+\n/.test(program.output());
  await program.until('listens', () => Promise.resolve(listens()));
  const address = `127.0.0.1:${program.output().trim()}`;
  return { address, pid: program.pid, stop: () => program.stop() };
}

async function startProxy(port: number, roundTrip: number, root: string): Promise<Program> {
  const folder = await mkdtemp(join(root, 'link-'));
  return run(process.execPath, [built().latency, String(port), String(roundTrip)], folder);
}
