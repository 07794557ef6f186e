/**
 * Sandbox time: real time plus an offset that only grows, so that 13 hours can pass in seconds. Tokens, dates of secrets
 * and refresh intervals use it. Request signatures use real time, because the client signs with real time.
 */
export class SandboxClock {
  #offset = 0;
  readonly #realTime: () => number;
  readonly #listeners = new Set<() => void>();

  /** @param realTime milliseconds since the epoch; a time that stands still makes runs repeatable */
  constructor(realTime = Date.now) {
    this.#realTime = realTime;
  }

  /** Milliseconds since the epoch, in sandbox time. */
  now(): number {
    return this.#realTime() + this.#offset;
  }

  /** Milliseconds by which sandbox time is ahead of real time. */
  get offset(): number {
    return this.#offset;
  }

  /** Moves the time forward and calls the listeners. */
  advance(milliseconds: number): void {
    if (milliseconds < 0) throw new RangeError('sandbox time only moves forward');
    this.#offset += milliseconds;
    for (const wake of this.#listeners) wake();
  }

  /**
   * Moves the time forward in steps, so that what listens can follow as if the time had passed.
   * @param settle is awaited after each step
   */
  async pass(milliseconds: number, step: number, settle: () => Promise<unknown>): Promise<void> {
    let left = milliseconds;
    do {
      this.advance(Math.min(left, step));
      await settle();
      left -= step;
    } while (left > 0);
  }

  /** Calls `wake` after each advance. @returns a function that removes it */
  onAdvance(wake: () => void): () => void {
    this.#listeners.add(wake);
    return () => this.#listeners.delete(wake);
  }
}
