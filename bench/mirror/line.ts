/** Carries a limited number of bytes per second, one chunk after the other. Times are in milliseconds. */
export class Line {
  readonly #bytesPerMs: number;
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** When a chunk that waits since `now` has passed the line. */
  carriedAt(bytes: number, now: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + bytes / this.#bytesPerMs;
    return this.#freeAt;
  }
}
