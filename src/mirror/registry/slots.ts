/** Blobs smaller than this are bound by round trips, not by bandwidth. Bytes. */
export const smallBlob = 1024 * 1024;

/**
 * Decides whose turn it is. Large blobs go largest first, so that none is left to run alone at the end; small ones
 * have places of their own and go in order, so that they never wait behind large ones. They spend their time waiting
 * for answers, so there are four times as many.
 */
export class Slots {
  readonly #large: SlotQueue;
  readonly #small: SlotQueue;

  /** @param concurrency transfers of large blobs at once */
  constructor(concurrency: number) {
    this.#large = new SlotQueue(concurrency);
    this.#small = new SlotQueue(4 * concurrency);
  }

  run<T>(size: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const isSmall = size < smallBlob;
    return (isSmall ? this.#small : this.#large).run(isSmall ? 0 : size, signal, work);
  }
}

class SlotQueue {
  readonly #places: number;
  #taken = 0;
  readonly #waiting: { readonly weight: number; readonly start: () => void }[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  async run<T>(weight: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#places) this.#taken += 1;
    else await this.#turn(weight);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(weight: number): Promise<void> {
    return new Promise((start) => void this.#waiting.splice(this.#placeOf(weight), 0, { weight, start }));
  }

  /** Behind all that weigh as much or more. */
  #placeOf(weight: number): number {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiting[middle]?.weight ?? 0) < weight) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The place passes straight to the next in line, so the count does not change then. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#taken -= 1;
  }
}
