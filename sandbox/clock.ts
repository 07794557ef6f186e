/**
 * The sandbox's idea of the time: real time plus an offset that only ever grows, so that a story of
 * thirteen hours can be told in seconds. Tokens, secrets' dates and refresh intervals follow it; request
 * signatures do not, because the client signs with real time.
 */
export class SandboxClock {
  #offset: number;
  readonly #listeners = new Set<() => void>();

  /** @param offset milliseconds ahead of real time at the start. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  /** Milliseconds since the epoch, in sandbox time. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** Milliseconds that sandbox time is ahead of real time. */
  get offset(): number {
    return this.#offset;
  }

  /** Moves the time forward and wakes everything that waits for it. */
  advance(milliseconds: number): void {
    if (milliseconds < 0) throw new RangeError('sandbox time only moves forward');
    this.#offset += milliseconds;
    for (const wake of this.#listeners) wake();
  }

  /** Calls `wake` after each jump; returns the way to stop that. */
  onAdvance(wake: () => void): () => void {
    this.#listeners.add(wake);
    return () => this.#listeners.delete(wake);
  }
}
