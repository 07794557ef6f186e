import type { Clock } from '../clock.ts';
import { BootstrapError } from '../errors/index.ts';
import type { Emit } from './events.ts';

export interface Wait {
  /** What is waited for, for people: "the webhook to answer". */
  readonly what: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Milliseconds until it is given up. */
  readonly deadline: number;
  /** Milliseconds between two looks; default 1000. */
  readonly every?: number;
  /** What to do when the deadline passes. */
  readonly hint: string;
}

/**
 * Looks again and again until `look` returns something other than undefined. `look` may throw to stop early on a
 * cause that waiting will not cure. The reason it gives by `pending` is shown while waiting and when it is given up.
 * @throws BootstrapError `not-ready` after the deadline
 */
export async function waitFor<T>(
  wait: Wait,
  look: (pending: (why: string) => undefined) => Promise<T | undefined>,
): Promise<T> {
  const { clock, signal, deadline, every = 1000 } = wait;
  const start = clock.now();
  let why = 'it has not happened yet';
  const pending = (reason: string): undefined => {
    why = reason;
  };
  for (;;) {
    signal.throwIfAborted();
    const seen = await look(pending);
    if (seen !== undefined) return seen;
    const waited = clock.now() - start;
    if (waited >= deadline) {
      throw new BootstrapError({
        code: 'not-ready',
        what: `wait for ${wait.what}`,
        why: `${why} (after ${Math.round(waited / 1000)} s)`,
        hint: wait.hint,
      });
    }
    wait.emit({ type: 'waiting', what: `${wait.what}: ${why}`, seconds: Math.round(waited / 1000) });
    await clock.sleep(Math.min(every, deadline - waited), signal);
  }
}
