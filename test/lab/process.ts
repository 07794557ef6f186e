import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Prints a line of progress. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** The file for all output. Its last lines are part of the error. */
  readonly log: string;
}

/** Runs a command to its end with its output in a file. @throws Error with the end of that file */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  const log = createWriteStream(options.log, { flags: 'a' });
  await once(log, 'open');
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log, log],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  log.close();
  if (code === 0) return;
  const tail = (await readFile(options.log, 'utf8')).trimEnd().split('\n').slice(-15).join('\n  ');
  throw new Error(`${command} ended with ${String(code ?? signal)}; the end of ${options.log}:\n  ${tail}`);
}

/** Runs a command and returns its standard output. @throws Error with its standard error */
export async function capture(
  command: string,
  args: readonly string[],
  options: { input?: string } = {},
): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(code ?? signal)}: ${errors.trim()}`);
  return output;
}

/** The child of a process, which may be starting right now. @throws Error when the process has ended */
export async function childOf(pid: number): Promise<number> {
  for (;;) {
    // ps ends with 1 when there is no match.
    const found = await capture('ps', ['-o', 'pid=', '--ppid', String(pid)]).catch(() => '');
    if (found.trim() !== '') return Number(found);
    if (!existsSync(`/proc/${pid}`)) throw new Error(`process ${pid} ended before it started another one`);
    await sleep(20);
  }
}
