import type { Clock } from '../clock.ts';

/** What a request counts as: what has a rate of its own in ECR (PutImage, InitiateLayerUpload, CompleteLayerUpload), and the rest. */
export type Pace = 'put-manifest' | 'start-upload' | 'finish-upload' | 'other';

/** Requests per second to begin with; missing means no limit until the registry complains. */
export type Rates = Partial<Readonly<Record<Pace, number>>>;

/** Requests under way at once on one host; blob bodies do not count, the scheduler bounds them. */
const mostUnderWay = 64;
const pauseWithoutAdvice = 500;
const longestPause = 60_000;
/** A rate that grew to this is no limit any more. */
const unlimited = 1000;

/**
 * Paces the requests to one host. It starts at the documented rates and learns: a complaint (429, 503, throttling)
 * pauses everything for as long as asked and halves the rate, each success lets it grow by about one request a
 * second every second.
 */
export class HostLimiter {
  readonly #clock: Clock;
  readonly #lanes: Record<Pace, Lane>;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  #pausedUntil = 0;

  constructor(clock: Clock, rates: Rates = {}) {
    this.#clock = clock;
    this.#lanes = {
      'put-manifest': new Lane(rates['put-manifest'] ?? Infinity),
      'start-upload': new Lane(rates['start-upload'] ?? Infinity),
      'finish-upload': new Lane(rates['finish-upload'] ?? Infinity),
      other: new Lane(rates.other ?? Infinity),
    };
  }

  /** Waits for the turn of one request; call what it resolves to when the answer is in. */
  async admit(pace: Pace, signal: AbortSignal): Promise<() => void> {
    // In this order, or those that wait for a slow rate would keep the seats from all others.
    await this.pass(pace, signal);
    await this.#seat(signal);
    return () => this.#leave();
  }

  /** Waits for pauses and the rate only: for bodies that take long and must not hold a seat. */
  async pass(pace: Pace, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const turn = this.#lanes[pace].book(this.#clock.now());
    for (let now = this.#clock.now(); now < Math.max(turn, this.#pausedUntil); now = this.#clock.now()) {
      await this.#clock.sleep(Math.max(turn, this.#pausedUntil) - now, signal);
    }
  }

  complained(pace: Pace, retryAfter?: number): void {
    const now = this.#clock.now();
    const pause = Math.min(retryAfter ?? pauseWithoutAdvice, longestPause);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause);
    this.#lanes[pace].slowDown(now);
  }

  succeeded(pace: Pace): void {
    this.#lanes[pace].speedUp();
  }

  /** Requests per second that are allowed now. */
  rate(pace: Pace): number {
    return this.#lanes[pace].rate;
  }

  async #seat(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#underWay < mostUnderWay) {
      this.#underWay += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const seated = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(seated), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.push(seated);
    });
  }

  /** A seat passes straight to the next in line, so the count does not change then. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#underWay -= 1;
  }
}

/** One rate. Requests are booked at its interval; a second's worth may come at once. */
class Lane {
  rate: number;
  #next = 0;
  #lastSlowed = -Infinity;
  #recent: number[] = [];

  constructor(rate: number) {
    this.rate = rate;
  }

  /** When the next request may start, in milliseconds since the epoch. */
  book(now: number): number {
    this.#recent = this.#recent.filter((time) => time > now - 1000);
    this.#recent.push(now);
    if (!Number.isFinite(this.rate)) return now;
    const burst = 1000;
    this.#next = Math.max(this.#next, now - burst) + 1000 / this.rate;
    return Math.max(now, this.#next - 1000 / this.rate);
  }

  /** Answers to requests that were under way together count as one complaint. */
  slowDown(now: number): void {
    if (now - this.#lastSlowed < 1000) return;
    this.#lastSlowed = now;
    const seen = this.#recent.filter((time) => time > now - 1000).length;
    this.rate = Math.max(1, Math.min(this.rate, Math.max(seen, 2)) / 2);
    this.#next = now;
  }

  speedUp(): void {
    if (!Number.isFinite(this.rate)) return;
    this.rate += 1 / this.rate;
    if (this.rate > unlimited) this.rate = Infinity;
  }
}
