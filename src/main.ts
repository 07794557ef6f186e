import { setImmediate } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { flagsOf, createProgram } from './commands/program.ts';
import { commands } from './commands/index.ts';
import { systemClock } from './core/clock.ts';
import { BootstrapError, exitCodes, interruptedError, reasonOf } from './core/errors.ts';
import { runCommand } from './run/run-command.ts';
import type { Runtime } from './run/runtime.ts';
import { openSession } from './run/session.ts';

/** Runs one command line. Resolves to the exit code; never throws and never exits. */
export async function main(argv: readonly string[], runtime: Runtime): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = createProgram(
    {
      commands,
      main,
      run: async (command, work, flags = flagsOf(command)) => {
        exitCode = await runCommand(command.name(), flags, { ...runtime, argv }, work);
      },
    },
    runtime.streams.stdout,
  );
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return thrown.exitCode === 0 ? exitCodes.done : reportUsageError(thrown, program.args[0], argv, runtime);
  }
}

/** @param command the first word that is not a flag */
async function reportUsageError(
  { code, message }: CommanderError,
  command: string | undefined,
  argv: readonly string[],
  runtime: Runtime,
): Promise<number> {
  const { reporter } = openSession(command ?? '', { output: wantsJson(argv) ? 'json' : 'text' }, runtime);
  const known = commands.some(({ name }) => name === command) ? ` ${command ?? ''}` : '';
  // Commander shows its help, without a message, for a line that has only flags.
  const text = code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '');
  const [first = '', ...rest] = text.split('\n');
  const error = new BootstrapError({
    code: 'usage',
    what: 'could not read the command line',
    why: first,
    hint: `${rest.join(' ').replace(/^\((.*)\)$/, '$1')} See ecr-bootstrap${known} --help.`.trim(),
  });
  reporter.error(error);
  await reporter.end(false);
  return error.exitCode;
}

/** Also finds the flag if commander stopped before it reached the flag. */
const wantsJson = (argv: readonly string[]): boolean =>
  /(^| )(-o[= ]?json|--output[= ]json)( |$)/.test(argv.join(' '));

const exitDelayMs = 1000;

/**
 * Runs the process. After Ctrl-C, changes in flight get a short time to finish; a second Ctrl-C ends the
 * process at once.
 */
export async function run(): Promise<void> {
  // Users cannot fix the causes of warnings of Node and the AWS SDK.
  process.removeAllListeners('warning');
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
      interrupt.abort(interruptedError());
    });
  }
  const stdoutClosed = new AbortController();
  let lost: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isBrokenPipe(error)) lost ??= error;
    stdoutClosed.abort();
  });
  // Progress that is not shown does not change the result.
  process.stderr.on('error', () => undefined);
  const runtime: Runtime = {
    cwd: process.cwd(),
    env: process.env,
    streams: process,
    clock: systemClock,
    signal: interrupt.signal,
    stdoutClosed: stdoutClosed.signal,
  };
  const exitCode = await main(process.argv.slice(2), runtime);
  // Errors of the last lines arrive later.
  await setImmediate();
  process.exitCode = lost ? reportLostOutput(lost, exitCode, runtime) : exitCode;
  // A request that Ctrl-C or --timeout ended may still keep the process alive. No required work takes this long.
  setTimeout(() => process.exit(), exitDelayMs).unref();
}

/** A reader of the output, for example `head`, may exit early. That is not an error. */
const isBrokenPipe = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE';

/** A run that applies changes continues without its output. So only its end can report that. */
function reportLostOutput(cause: Error, exitCode: number, runtime: Runtime): number {
  const error = new BootstrapError(
    {
      code: 'output-lost',
      what: 'could not write all of the output',
      why: reasonOf(cause),
      hint: 'Free some space, or write to another file. Then run the command again.',
    },
    { cause },
  );
  openSession('', {}, runtime).reporter.error(error);
  return exitCode === exitCodes.done ? error.exitCode : exitCode;
}
