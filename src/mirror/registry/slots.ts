import type { BlobJob } from './blobs.ts';

/** Blobs smaller than this are bound by round trips, not by bandwidth. Bytes. */
export const smallBlob = 1024 * 1024;

/**
 * Decides which blob is next. Large blobs run largest first, so that none runs alone at the end; but first those of
 * images for which others wait. Small blobs and single requests have slots of their own, in order of arrival, so that
 * they never wait for large blobs. They mostly wait for replies, so they have four times as many slots. This is not
 * p-limit, which has no priorities and never starts work at once.
 */
export class Slots {
  readonly #large: SlotQueue;
  readonly #small: SlotQueue;

  /** @param concurrency transfers of large blobs at once */
  constructor(concurrency: number) {
    this.#large = new SlotQueue(concurrency);
    this.#small = new SlotQueue(4 * concurrency);
  }

  run<T>(
    { blob: { size }, isAwaited }: Pick<BlobJob, 'blob' | 'isAwaited'>,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    if (size < smallBlob) return this.#small.run(0, signal, work);
    return this.#large.run(isAwaited ? size + Number.MAX_SAFE_INTEGER : size, signal, work);
  }

  /** Runs a request without content. */
  request<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#small.run(0, signal, work);
  }
}

class SlotQueue {
  readonly #slots: number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly start: () => void }[] = [];

  constructor(slots: number) {
    this.#slots = slots;
  }

  async run<T>(weight: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#used < this.#slots) this.#used += 1;
    else await this.#wait(weight);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#next();
    }
  }

  #wait(weight: number): Promise<void> {
    return new Promise((start) => void this.#waiting.splice(this.#positionOf(weight), 0, { weight, start }));
  }

  /** Behind all of the same or more weight. */
  #positionOf(weight: number): number {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiting[middle]?.weight ?? 0) < weight) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Passes the slot to the next in line; then the number of used slots stays the same. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#used -= 1;
  }
}
