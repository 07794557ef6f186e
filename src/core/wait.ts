import { type Clock, stopwatch } from './clock.ts';
import { BootstrapError } from './errors.ts';
import type { Emit } from './step.ts';

export interface Wait {
  /** What is waited for, for people: "the webhook to answer". */
  readonly what: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Milliseconds without progress until it is given up. */
  readonly deadlineMs: number;
  /** Milliseconds between two looks, at the least; default 1000. */
  readonly intervalMs?: number;
  /** What to do when the deadline passes. */
  readonly hint: string;
}

/** How far something is that many objects take part in. Fewer left than ever before is progress. */
export interface WaitCount {
  readonly left: number;
  /** The objects that each look reads. */
  readonly of: number;
}

/** Tells why it is not so yet; without a tally nothing counts as progress. */
type Pending = (why: string, tally?: WaitCount) => undefined;

/** Milliseconds that each object adds to the time between two looks, for a look at thousands is work for the cluster. */
const perObject = 2;
/** Milliseconds between two looks, at the most. */
const longestPause = 3000;

/**
 * Looks again and again until `look` returns something other than undefined. `look` may throw to stop early on a
 * cause that waiting will not cure; an outage of a service (a transient error) is waited out until the deadline. The
 * reason it gives by `pending` is shown while waiting and when it is given up.
 * @throws BootstrapError `not-ready` when the deadline passes without progress, or the outage that lasted until then
 */
export async function waitFor<T>(wait: Wait, look: (pending: Pending) => Promise<T | undefined>): Promise<T> {
  const { clock, signal, deadlineMs, intervalMs = 1000 } = wait;
  const passed = stopwatch(clock);
  let lastProgress = 0;
  let least = Infinity;
  let pause = intervalMs;
  let why = 'it has not happened yet';
  const pending: Pending = (reason, tally) => {
    why = reason;
    if (!tally) return;
    pause = Math.max(intervalMs, Math.min(tally.of * perObject, longestPause));
    if (tally.left >= least) return;
    least = tally.left;
    lastProgress = passed();
  };
  for (;;) {
    signal.throwIfAborted();
    let outage: BootstrapError | undefined;
    try {
      const seen = await look(pending);
      if (seen !== undefined) return seen;
    } catch (error) {
      if (!(error instanceof BootstrapError) || !error.isTransient) throw error;
      outage = error;
      why = error.message;
    }
    const now = passed();
    const seconds = Math.round(now / 1000);
    const stuck = now - lastProgress;
    if (stuck >= deadlineMs) {
      if (outage) throw outage;
      const idle = Math.round(stuck / 1000);
      throw new BootstrapError({
        code: 'not-ready',
        what: `wait for ${wait.what}`,
        why: `${why} (after ${seconds} s${idle < seconds ? `, the last ${idle} s without progress` : ''})`,
        hint: wait.hint,
      });
    }
    wait.emit({ type: 'waiting', what: `${wait.what}: ${why}`, seconds });
    await clock.sleep(Math.min(pause, deadlineMs - stuck), signal);
  }
}
