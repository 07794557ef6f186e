import { systemClock } from './core/clock.ts';
import type { Runtime } from './run/session.ts';
import { BootstrapError, exitCodes } from './core/errors.ts';
import { createProgram, type Program } from './commands/program.ts';

/** Runs one command line to its end. Resolves to the exit code; never throws and never exits. */
export async function main(argv: readonly string[], runtime: Runtime): Promise<number> {
  const program: Program = await createProgram(argv, runtime, main);
  return program.run();
}

/** Milliseconds. */
const watchStdout = 1000;

/** The process's own run: after Ctrl-C, changes in flight get a short grace; a second Ctrl-C ends the process at once. */
export async function run(): Promise<void> {
  // Node and the SDK warn of things that are not the user's to mend.
  process.removeAllListeners('warning');
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
      interrupt.abort(
        new BootstrapError({
          code: 'interrupted',
          what: 'could not finish',
          why: 'the run was interrupted',
          hint: 'Run the same command again; it resumes where this run stopped.',
        }),
      );
    });
  }
  const unread = new AbortController();
  ignoreBrokenPipe(process.stdout, () => unread.abort());
  ignoreBrokenPipe(process.stderr);
  process.exitCode = await main(process.argv.slice(2), {
    cwd: process.cwd(),
    env: process.env,
    streams: process,
    clock: systemClock,
    signal: interrupt.signal,
    stdoutClosed: unread.signal,
  });
  // A request that a Ctrl-C or a deadline cut short may linger; nothing that is still wanted takes this long.
  setTimeout(() => process.exit(), watchStdout).unref();
}

/** A reader that has seen enough, such as `head`, is no error, and a run that changes something goes on without it. */
function ignoreBrokenPipe(stream: NodeJS.WritableStream, gone?: () => void): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone?.();
  });
}
