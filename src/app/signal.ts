import { BootstrapError } from '../errors/index.ts';

/** Node's timers take no more milliseconds: almost 25 days. */
const longestTimer = 2 ** 31 - 1;

/** Aborts after that many milliseconds, with an error that says so; keeps no process alive. */
export function deadline(milliseconds: number): AbortSignal {
  const over = new AbortController();
  setTimeout(() => over.abort(timeout()), Math.min(milliseconds, longestTimer)).unref();
  return over.signal;
}

const timeout = (): BootstrapError =>
  new BootstrapError({
    code: 'timeout',
    what: 'finish in time',
    why: 'the time given by --timeout is over',
    hint: 'Run the same command again, with more time: it goes on where this run stopped.',
  });
