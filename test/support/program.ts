import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a program may take to answer, or to end, in milliseconds. */
const timeoutMs = 30_000;

/** A program under way in a folder of its own. */
export interface Program {
  readonly pid: number;
  /** What it wrote so far, to stdout and stderr alike. */
  output(): string;
  /** Waits for a condition; the program must not end before. */
  until(what: string, done: () => Promise<boolean>): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a program with an environment of its own: PATH, a HOME in the folder, and what is given. */
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
      const deadline = Date.now() + timeoutMs;
      while (!(await done())) {
        if (child.pid === undefined || child.exitCode !== null || Date.now() > deadline) {
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

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
