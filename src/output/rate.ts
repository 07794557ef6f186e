/** Long enough to smooth single large steps, short enough to follow the network. */
const windowMs = 5_000;
/** A rate over a shorter time would be meaningless. */
const minSpanMs = 1_000;

/** The recent speed of some work. */
export class Rate {
  readonly #samples: { readonly at: number; readonly done: number }[] = [];

  /** @param at the time in milliseconds */
  note(at: number, done: number): void {
    this.#samples.push({ at, done });
    const second = (): number => this.#samples[1]?.at ?? Infinity;
    while (second() <= at - windowMs) this.#samples.shift();
  }

  /** Undefined while it is unknown. */
  perSecond(now: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < minSpanMs || last.done <= first.done) return undefined;
    return ((last.done - first.done) / (now - first.at)) * 1000;
  }
}
