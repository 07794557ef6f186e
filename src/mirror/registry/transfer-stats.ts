import type { RequestCount } from '../../clients/registry/transport.ts';

/** What one image cost so far. */
export class TransferStats implements RequestCount {
  requests = 0;
  bytesSent = 0;
  bytesMounted = 0;
  bytesSkipped = 0;
  readonly #started: number;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.#started = now();
  }

  /** For a {@link MirrorResult}. */
  figures() {
    const { requests, bytesSent, bytesMounted, bytesSkipped } = this;
    const seconds = (this.#now() - this.#started) / 1000;
    return { bytesSent, bytesMounted, bytesSkipped, requests, seconds };
  }
}
