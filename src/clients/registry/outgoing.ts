import type { Readable } from 'node:stream';

/** A body in which nothing moves for so long will not arrive any more. Milliseconds. */
const patience = 120_000;

/** A request's body on its way out: remembers why it failed by itself, and gives up when nobody takes it. */
export class Outgoing {
  readonly #stalled = new AbortController();
  readonly #chunks: AsyncIterable<Buffer>;
  /** What the body itself failed with: the cause of whatever the connection says then. */
  failure: { readonly thrown: unknown } | undefined;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks;
  }

  /** Aborted when the body stalled. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
  }

  /** undici sends any async iterable, and with less work than a stream; its types only name streams. */
  asBody(): Readable {
    return this.#watched() as unknown as Readable;
  }

  async *#watched(): AsyncGenerator<Buffer, void, undefined> {
    const timer = setTimeout(() => this.#stalled.abort(new Error('nothing moved for two minutes')), patience);
    try {
      for await (const chunk of this.#chunks) {
        timer.refresh();
        yield chunk;
      }
    } catch (thrown) {
      this.failure = { thrown };
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }
}
