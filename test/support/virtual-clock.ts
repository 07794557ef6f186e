import { setImmediate as settled } from 'node:timers/promises';
import type { Clock } from '../../src/core/clock.ts';

/** A clock for concurrent waits. It moves to the next due wait when all work is idle. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #sleepers: { readonly due: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      const sleeper = { due: this.#now + milliseconds, wake };
      const aborted = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Moves the clock until `work` is done. @throws Error when it waits for something other than time */
  async passUntil<T>(work: Promise<T>): Promise<T> {
    const state = { isDone: false };
    const end = () => (state.isDone = true);
    work.then(end, end);
    for (await settled(); !state.isDone; await settled()) {
      const due = Math.min(...this.#sleepers.map((sleeper) => sleeper.due));
      if (due === Infinity) throw new Error('it waits, but nobody sleeps');
      this.#now = Math.max(this.#now, due);
      const woken = this.#sleepers.filter((sleeper) => sleeper.due <= due);
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.due > due);
      for (const { wake } of woken) wake();
    }
    return work;
  }
}
