/** Real milliseconds after which what failed is tried again, as a stand-in for the controllers' back-off. */
const retryAfter = 1000;

/**
 * Runs the controllers' passes one at a time: soon after a wake, again as long as there were wakes meanwhile,
 * and once more after a while when a pass left something unfinished.
 */
export class Loop {
  readonly #pass: (retry: boolean) => Promise<boolean>;
  #wanted = false;
  #retry = false;
  #closed = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param pass told whether what failed before is worth another try; answers whether something is unfinished. */
  constructor(pass: (retry: boolean) => Promise<boolean>) {
    this.#pass = pass;
  }

  wake(retry: boolean): void {
    if (this.#closed) return;
    this.#wanted = true;
    this.#retry ||= retry;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is left to do but what failed. */
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
