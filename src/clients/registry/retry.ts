import type { Clock } from '../../core/clock.ts';
import { type Failure, RegistryError } from './errors.ts';

const maxAttempts = 5;
/** Throttling is not a failure, so more attempts are allowed. */
const maxThrottledAttempts = 12;
const firstPauseMs = 200;
/** The window of the host slows down a registry that throttles, so a single refused request may return soon. */
const firstThrottledPauseMs = 50;
const maxPauseMs = 10_000;

/**
 * Limits the retries for one host. The budget starts full. Each retry takes one, each success returns a tenth. So
 * single failures are always retried, and a host that is down fails quickly, however many images need it.
 */
export class RetryBudget {
  readonly #full: number;
  #left: number;

  constructor(full = 60) {
    this.#full = full;
    this.#left = full;
  }

  take(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  refill(): void {
    this.#left = Math.min(this.#full, this.#left + 0.1);
  }
}

export interface Retrying {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly budget: RetryBudget;
}

/** Repeats `attempt` while it fails with a retryable {@link RegistryError}. */
export async function retrying<T>(
  { clock, signal, budget }: Retrying,
  attempt: () => Promise<T>,
): Promise<T> {
  let failures = 0;
  let throttledAttempts = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const result = await attempt();
      budget.refill();
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof RegistryError) || !error.failure.retryable) throw error;
      if (error.failure.throttled) throttledAttempts += 1;
      else failures += 1;
      if (failures >= maxAttempts || throttledAttempts >= maxThrottledAttempts) throw error;
      if (!error.failure.throttled && !budget.take()) throw error;
      await clock.sleep(pauseAfter(error.failure, failures + throttledAttempts), signal);
    }
  }
}

/** Half fixed, half random, so that requests that failed together are not retried together. */
function pauseAfter({ throttled, retryAfter = 0 }: Failure, attempts: number): number {
  const firstMs = throttled ? firstThrottledPauseMs : firstPauseMs;
  const backoff = Math.min(maxPauseMs, firstMs * 2 ** (attempts - 1));
  return retryAfter + backoff * (0.5 + Math.random() / 2);
}
