/** Long enough that single large steps do not make it jump, short enough to follow a network. Milliseconds. */
const windowMs = 5_000;
/** Before that much time nothing can be said. Milliseconds. */
const minSpanMs = 1_000;

/** How fast something goes lately. */
export class Rate {
  readonly #samples: { readonly at: number; readonly done: number }[] = [];

  /** @param at milliseconds */
  note(at: number, done: number): void {
    this.#samples.push({ at, done });
    const second = (): number => this.#samples[1]?.at ?? Infinity;
    while (second() <= at - windowMs) this.#samples.shift();
  }

  /** A second, up to `now`; undefined while it cannot be told. */
  perSecond(now: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < minSpanMs || last.done <= first.done) return undefined;
    return ((last.done - first.done) / (now - first.at)) * 1000;
  }
}
