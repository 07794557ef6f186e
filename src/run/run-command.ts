import { AbandonedError, withinGrace } from '../core/abort.ts';
import { BootstrapError, exitCodes, internalError } from '../core/errors.ts';
import type { GlobalFlags, Runtime } from './runtime.ts';
import { openSession, type Session } from './session.ts';

/**
 * Milliseconds after Ctrl-C or --timeout until a command is abandoned. The command's own work has shorter grace
 * periods.
 */
const abandonMs = 4000;
/** Milliseconds to close connections after that. */
const closeMs = 500;

/** Runs a command in a session, and reports its error. Resolves to the exit code. */
export async function runCommand(
  name: string,
  flags: GlobalFlags,
  runtime: Runtime,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const session = openSession(name, flags, runtime);
  const { signal } = session;
  // The sandbox command waits for the command inside it, which reports its own end.
  const grace = runtime.sandbox ? abandonMs : abandonMs + 2 * closeMs;
  let exitCode: number;
  try {
    exitCode = await withinGrace(signal, grace, () => work(session));
  } catch (thrown) {
    exitCode = reportError(session, thrown);
  } finally {
    await withinGrace(signal, closeMs, () => session.close()).catch((thrown: unknown) => {
      if (!(thrown instanceof AbandonedError)) throw thrown;
    });
  }
  await session.reporter.end(exitCode === exitCodes.done);
  return exitCode;
}

function reportError(session: Session, thrown: unknown): number {
  const { signal, verbosity } = session;
  // The signal's reason says more than the error of a call that the signal ended.
  const cause = thrown instanceof BootstrapError || !signal.aborted ? thrown : (signal.reason as unknown);
  const error = cause instanceof BootstrapError ? cause : internalError(cause);
  session.reporter.error(error);
  if (verbosity === 'verbose' && error.code === 'bug' && thrown instanceof Error) {
    for (const line of (thrown.stack ?? thrown.message).split('\n')) session.reporter.warn(line);
  }
  return error.exitCode;
}
