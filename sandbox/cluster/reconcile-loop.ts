/** Milliseconds of real time before failed work is retried. It replaces the backoff of the controllers. */
const retryAfter = 1000;

/**
 * Runs the passes of the controllers one at a time. A pass runs soon after a wake, and again if there were wakes during
 * the pass. When a pass leaves work unfinished, another pass runs after `retryAfter`.
 */
export class Loop {
  readonly #pass: (retry: boolean) => Promise<boolean>;
  #wanted = false;
  #retry = false;
  #closed = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param pass gets whether to retry failed work; returns whether work is unfinished */
  constructor(pass: (retry: boolean) => Promise<boolean>) {
    this.#pass = pass;
  }

  wake(retry: boolean): void {
    if (this.#closed) return;
    this.#wanted = true;
    this.#retry ||= retry;
    this.#running ??= this.#run();
  }

  /** Resolves when all work except failed work is done. */
  async settled(): Promise<void> {
    await this.#running;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      await new Promise(setImmediate);
      const retry = this.#retry;
      this.#wanted = this.#retry = false;
      const unfinished = await this.#pass(retry);
      clearTimeout(this.#timer);
      if (unfinished) this.#retryLater();
    }
    this.#running = undefined;
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.wake(true);
    }, retryAfter).unref();
  }
}
