import type { SandboxClock } from '../clock.ts';

/** Limits of requests per second, by action. An action without an entry is unlimited. */
export class RateLimits {
  readonly perSecond = new Map<string, number>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #clock: SandboxClock;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** Counts a request, and returns whether it is within the limit. */
  take(action: string): boolean {
    const rate = this.perSecond.get(action);
    if (rate === undefined) return true;
    const now = this.#clock.now();
    const { tokens, at } = this.#buckets.get(action) ?? { tokens: rate, at: now };
    const available = Math.min(rate, tokens + ((now - at) / 1000) * rate);
    const granted = available >= 1;
    this.#buckets.set(action, { tokens: available - (granted ? 1 : 0), at: now });
    return granted;
  }
}
