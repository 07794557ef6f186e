import { type Clock, stopwatch } from '../core/clock.ts';
import { BootstrapError } from '../core/errors.ts';

/** Milliseconds between two looks at the clock: timers stand still while a computer sleeps. */
const checkIntervalMs = 1000;

/** Aborts after that many milliseconds, with an error that says so; keeps no process alive. */
export function deadline(milliseconds: number, clock: Pick<Clock, 'now'>): AbortSignal {
  const expired = new AbortController();
  const passed = stopwatch(clock);
  const look = (): void => {
    const left = milliseconds - passed();
    if (left <= 0) expired.abort(timeout());
    else setTimeout(look, Math.min(left, checkIntervalMs)).unref();
  };
  look();
  return expired.signal;
}

const timeout = (): BootstrapError =>
  new BootstrapError({
    code: 'timeout',
    what: 'could not finish in time',
    why: 'the time given by --timeout has passed',
    hint: 'Run the same command again with a longer --timeout; it resumes where this run stopped.',
  });
