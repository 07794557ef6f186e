import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that a program may take to respond or to end. */
const timeoutMs = 30_000;

/** A running program in its own folder. */
export interface Program {
  readonly pid: number;
  /** The output so far, of stdout and stderr together. */
  output(): string;
  /** Waits for a condition. Fails if the program ends first. */
  until(what: string, done: () => Promise<boolean>): Promise<void>;
  /** Ends the program and deletes its folder. */
  stop(): Promise<void>;
}

/** Starts a program whose environment has only PATH, a HOME in the folder, and the given variables. */
export function run(
  name: string,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Program {
  const child = spawn(name, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: join(folder, 'home'), ...env },
  });
  let log = '';
  child.stdout.on('data', (text: Buffer) => (log += text.toString()));
  child.stderr.on('data', (text: Buffer) => (log += text.toString()));
  child.on('error', (error) => (log += error.message));
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return {
    pid: child.pid ?? 0,
    output: () => log,
    stop,
    until: async (what, done) => {
      const deadline = performance.now() + timeoutMs;
      while (!(await done())) {
        if (child.pid === undefined || child.exitCode !== null || performance.now() > deadline) {
          await stop();
          throw new Error(`${name} never ${what}: ${log.slice(-2000)}`);
        }
        await delay(50);
      }
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await ended;
  clearTimeout(forced);
}

/** A free loopback port. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
