import { type Clock, stopwatch } from '../core/clock.ts';
import { BootstrapError } from '../core/errors.ts';

/** Timers stop while a computer sleeps, so the clock is checked at this interval. */
const checkIntervalMs = 1000;

/** A signal that aborts with a `timeout` error after that time. It does not keep the process alive. */
export function deadline(timeoutMs: number, clock: Pick<Clock, 'now'>): AbortSignal {
  const expired = new AbortController();
  const passed = stopwatch(clock);
  const check = (): void => {
    const left = timeoutMs - passed();
    if (left <= 0) expired.abort(timeout());
    else setTimeout(check, Math.min(left, checkIntervalMs)).unref();
  };
  check();
  return expired.signal;
}

const timeout = (): BootstrapError =>
  new BootstrapError({
    code: 'timeout',
    what: 'could not finish in time',
    why: 'timed out after --timeout',
    hint: 'Run the same command again with a longer --timeout; it resumes where this run stopped.',
  });
