import { spawn } from 'node:child_process';
import { onAbort } from './abort.ts';

export interface SubprocessOptions {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The complete standard input. Without it, the program may prompt the user on the terminal. */
  readonly input?: string;
  readonly timeoutMs: number;
  /** Aborted when no caller waits for the program anymore. */
  readonly signal?: AbortSignal;
}

export interface SubprocessResult {
  readonly status: number | null;
  readonly stdout: string;
  /** Standard error. Empty if it went to the terminal. */
  readonly stderr: string;
}

/** Bytes of standard output and of standard error each; credentials take a few thousand. */
const maxOutputBytes = 1024 * 1024;

/** Kills each program that still runs when this process ends. */
const running = new Set<() => void>();
process.on('exit', () => {
  for (const kill of running) kill();
});

let terminalUsers = 0;

/**
 * Whether a program that this run started may be prompting the user on the terminal, where nothing else may
 * draw then.
 */
export const isTerminalInUse = (): boolean => terminalUsers > 0;

/**
 * Runs a program that may hang, wait for input, or print endlessly. The program and its child processes are
 * killed at the timeout, when the signal is aborted, and when it prints too much.
 * @throws Error when the program could not be started or was killed
 */
export function runSubprocess(command: string, options: SubprocessOptions): Promise<SubprocessResult> {
  const { args, env, input, timeoutMs, signal } = options;
  const isInteractive = input === undefined;
  // A process outside the terminal's foreground group cannot read from it, so only others get a group of their own.
  const hasGroup = !isInteractive && process.platform !== 'win32';
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(command, args, {
      env,
      detached: hasGroup,
      stdio: [isInteractive ? 'inherit' : 'pipe', 'pipe', isInteractive ? 'inherit' : 'pipe'],
    });
    const kill = (): void => {
      if (hasGroup && child.pid !== undefined) killGroup(child.pid);
      else child.kill('SIGKILL');
    };
    const end = (settle: () => void): void => {
      if (isInteractive && running.has(kill)) terminalUsers -= 1;
      clearTimeout(timer);
      removeListener?.();
      running.delete(kill);
      settle();
    };
    const stop = (why: string): void => {
      kill();
      end(() => reject(new Error(why)));
      // A process that was not killed may keep these streams open.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    };
    const abort = (): void => stop(`${command} was stopped because the run ended`);
    const seconds = Math.ceil(timeoutMs / 1000);
    const timer = setTimeout(() => stop(`${command} did not end within ${seconds} s`), timeoutMs);
    const tooMuch = (): void => stop(`${command} printed more than ${maxOutputBytes} bytes`);
    const output = collect(child.stdout, tooMuch);
    const complaint = collect(child.stderr, tooMuch);
    running.add(kill);
    if (isInteractive) terminalUsers += 1;
    const removeListener = signal && onAbort(signal, abort);
    child.on('error', (error) => end(() => reject(error)));
    child.on('close', (status) => end(() => resolve({ status, stdout: output(), stderr: complaint() })));
    // A program that exits without reading its input breaks the pipe. Its exit status reports the problem.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

function collect(stream: NodeJS.ReadableStream | null, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxOutputBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
}
