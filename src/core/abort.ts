import { setMaxListeners } from 'node:events';

/**
 * Calls a listener when the signal is aborted. A run has many requests at a time, and each listens to the run's signal;
 * by default, Node warns of a leak when there are more than ten.
 * @returns a function that removes the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/**
 * Waits for work, but no longer than until the signal is aborted. The work itself continues.
 * @throws the signal's reason
 */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      stop();
      return;
    }
    const removeListener = onAbort(signal, stop);
    work().then(resolve, reject).finally(removeListener);
  });
}

/** Grace period in milliseconds for changes in flight after Ctrl-C or the end of --timeout. */
export const graceMs = 2000;

/**
 * Work did not end within the grace period after its signal was aborted. It may continue until the process
 * ends.
 */
export class AbandonedError extends Error {}

/**
 * Waits for work until the signal is aborted, and then for at most the grace period.
 * @throws Abandoned when the work did not end by then
 */
export function withinGrace<T>(signal: AbortSignal, grace: number, work: () => Promise<T>): Promise<T> {
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => ended.abort(new AbandonedError('abandoned', { cause: signal.reason })), grace);
  };
  const removeListener = onAbort(signal, begin);
  if (signal.aborted) begin();
  return unlessAborted(ended.signal, work).finally(() => {
    clearTimeout(timer);
    removeListener();
  });
}

interface SharedCall<T> {
  readonly result: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
}

/**
 * Work that several callers share, by key. It runs once for all callers that join while it runs. It has its own
 * signal, so a caller that gives up does not fail the others. The work is canceled when its last caller gives
 * up.
 */
export class SharedWork<T> {
  readonly #underWay = new Map<string, SharedCall<T>>();

  /** @throws the signal's reason, when this caller gives up */
  async join(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const work = this.#underWay.get(key) ?? this.#begin(key, begin);
    work.waiting += 1;
    try {
      return await unlessAborted(signal, () => work.result);
    } finally {
      work.waiting -= 1;
      if (work.waiting === 0) this.#abandon(key, work, signal);
    }
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): SharedCall<T> {
    const abandoned = new AbortController();
    const work: SharedCall<T> = { result: begin(abandoned.signal), abandoned, waiting: 0 };
    this.#underWay.set(key, work);
    const forget = () => this.#forget(key, work);
    work.result.then(forget, forget);
    return work;
  }

  /** Has no effect on work that has ended. */
  #abandon(key: string, work: SharedCall<T>, { reason }: AbortSignal): void {
    this.#forget(key, work);
    work.abandoned.abort(reason);
  }

  #forget(key: string, work: SharedCall<T>): void {
    if (this.#underWay.get(key) === work) this.#underWay.delete(key);
  }
}
