import { onAbort } from '../../core/abort.ts';

/** A semaphore that grants slots in the order of requests. An aborted waiter leaves the queue. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /** Takes a slot. Returns undefined if a slot is free: most requests find one, and must not cost a tick. */
  acquire(signal: AbortSignal): Promise<void> | undefined {
    signal.throwIfAborted();
    if (this.#free === 0) return this.#wait(signal);
    this.#free -= 1;
    return undefined;
  }

  /** Passes the slot directly to the next waiter; then the count does not change. */
  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const placed = () => {
        removeListener();
        resolve();
      };
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(placed), 1);
        reject(signal.reason as Error);
      };
      const removeListener = onAbort(signal, aborted);
      this.#waiting.push(placed);
    });
  }
}
