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
    signal.addEventListener('abort', stop, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

interface Work<T> {
  readonly result: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
}

/**
 * Work that several callers wait for, by key: it is done once, however many ask for it while it lasts. It has a signal
 * of its own, so a caller that gives up does not fail the others; the work is canceled when its last caller gives up.
 */
export class SharedWork<T> {
  readonly #underWay = new Map<string, Work<T>>();

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

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Work<T> {
    const abandoned = new AbortController();
    const work: Work<T> = { result: begin(abandoned.signal), abandoned, waiting: 0 };
    this.#underWay.set(key, work);
    const forget = () => this.#forget(key, work);
    work.result.then(forget, forget);
    return work;
  }

  /** Has no effect on work that has ended. */
  #abandon(key: string, work: Work<T>, { reason }: AbortSignal): void {
    this.#forget(key, work);
    work.abandoned.abort(reason);
  }

  #forget(key: string, work: Work<T>): void {
    if (this.#underWay.get(key) === work) this.#underWay.delete(key);
  }
}
