import { type Clock, stopwatch } from './clock.ts';
import { BootstrapError } from './errors.ts';
import type { Run } from './step.ts';

export interface Wait {
  /** Completes "timed out waiting for": "the webhook to answer". */
  readonly what: string;
  /** Milliseconds without progress after which the wait fails. */
  readonly deadlineMs: number;
  /** Minimum milliseconds between two checks; default 1000. */
  readonly intervalMs?: number;
  /** The fix to show after the deadline. */
  readonly hint?: string;
}

/** Progress of a wait for many objects. A new minimum of `left` is progress. */
export interface WaitCount {
  readonly left: number;
  /** The number of objects that each check reads. */
  readonly of: number;
}

/** Reports why a check did not succeed yet. Without a count, there is no progress. */
type Pending = (why: string, count?: WaitCount) => undefined;

/**
 * Creates the contexts of repeated checks. Each one reads everything again, except that a run without changes begins
 * with what its plan was made from.
 */
export function contextsOf<Ctx extends { fresh(): Ctx }>({
  ctx,
  isReadOnly = false,
}: Pick<Run<Ctx>, 'ctx' | 'isReadOnly'>): () => Ctx {
  let isKnown = isReadOnly;
  return () => {
    const next = isKnown ? ctx : ctx.fresh();
    isKnown = false;
    return next;
  };
}

/**
 * Each object adds this to the time between two checks, because a check of thousands of objects loads the
 * cluster.
 */
const msPerObject = 2;
const maxIntervalMs = 3000;

/**
 * Repeats `check` until it returns something other than undefined. `check` throws to stop early when waiting
 * cannot help. A transient error, for example an outage of a service, is retried until the deadline. The reason
 * passed to `pending` is shown during the wait and in the error.
 * @throws BootstrapError `not-ready` when the deadline passes without progress, or the outage that lasted until then
 */
export async function waitFor<T>(
  { ctx: { clock }, signal, emit }: Pick<Run<{ readonly clock: Clock }>, 'ctx' | 'signal' | 'emit'>,
  { what, deadlineMs, intervalMs = 1000, hint = '' }: Wait,
  check: (pending: Pending) => Promise<T | undefined>,
): Promise<T> {
  const elapsed = stopwatch(clock);
  let lastProgressMs = 0;
  let fewestLeft = Infinity;
  let pauseMs = intervalMs;
  let why = 'it has not happened yet';
  const pending: Pending = (reason, count) => {
    why = reason;
    if (!count) return;
    pauseMs = Math.max(intervalMs, Math.min(count.of * msPerObject, maxIntervalMs));
    if (count.left >= fewestLeft) return;
    fewestLeft = count.left;
    lastProgressMs = elapsed();
  };
  for (;;) {
    signal.throwIfAborted();
    let outage: BootstrapError | undefined;
    try {
      const result = await check(pending);
      if (result !== undefined) return result;
    } catch (error) {
      if (!(error instanceof BootstrapError) || !error.isTransient) throw error;
      outage = error;
      why = error.message;
    }
    const elapsedMs = elapsed();
    const seconds = Math.round(elapsedMs / 1000);
    const idleMs = elapsedMs - lastProgressMs;
    if (idleMs >= deadlineMs) {
      if (outage) throw outage;
      const idle = Math.round(idleMs / 1000);
      throw new BootstrapError({
        code: 'not-ready',
        what: `timed out waiting for ${what}`,
        why: `${why} (after ${seconds} s${idle < seconds ? `, the last ${idle} s without progress` : ''})`,
        hint,
      });
    }
    emit({ type: 'waiting', what: `${what}: ${why}`, seconds });
    await clock.sleep(Math.min(pauseMs, deadlineMs - idleMs), signal);
  }
}
