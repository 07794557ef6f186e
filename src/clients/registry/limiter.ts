import { type Clock, forwardTime } from '../../core/clock.ts';
import { Semaphore } from './semaphore.ts';

/**
 * What a request counts as: what has a rate of its own in ECR (PutImage, InitiateLayerUpload, CompleteLayerUpload,
 * GetDownloadUrlForLayer), and the rest.
 */
export type Pace = 'put-manifest' | 'start-upload' | 'finish-upload' | 'read-blob' | 'other';

/** Requests per second to begin with; missing means no limit until the registry complains. */
export type Rates = Partial<Readonly<Record<Pace, number>>>;

/** Requests under way at once on one host. */
const maxInFlight = 64;
/** Bodies that take long hold no seat, or short requests would wait for them; the scheduler bounds them. */
const bulk: ReadonlySet<Pace> = new Set<Pace>(['finish-upload', 'read-blob']);
const defaultPauseMs = 500;
const maxPauseMs = 60_000;
/** A rate that grew to this is no limit any more. */
const unlimited = 1000;
/** What was not used of a rate can be made up for so long, in milliseconds. */
const burst = 1000;

/**
 * Paces the requests to one host. It starts at the documented rates and learns: a complaint (429, 503, throttling)
 * pauses everything for as long as asked and halves the rate, each success lets it grow by about one request a
 * second every second. Who waits has no time of its own: the rate and the pause of the moment decide when the next may start.
 */
export class HostLimiter {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #lanes: Record<Pace, RateLimit>;
  readonly #seats = new Semaphore(maxInFlight);
  #pausedUntil = 0;

  constructor(clock: Clock, rates: Rates = {}) {
    this.#clock = clock;
    this.#now = forwardTime(clock);
    const lane = (pace: Pace) => new RateLimit(rates[pace] ?? Infinity);
    this.#lanes = {
      'put-manifest': lane('put-manifest'),
      'start-upload': lane('start-upload'),
      'finish-upload': lane('finish-upload'),
      'read-blob': lane('read-blob'),
      other: lane('other'),
    };
  }

  /** Waits for the turn of one request; call what it resolves to when the answer is in. */
  async admit(pace: Pace, signal: AbortSignal): Promise<() => void> {
    const lane = this.#lanes[pace];
    const seats = bulk.has(pace) ? undefined : this.#seats;
    const behind = lane.head.acquire(signal);
    if (behind) await behind;
    // Only the head of a lane waits for a seat and its turn, so a slow rate keeps no more than one seat from the others.
    try {
      const full = seats?.acquire(signal);
      if (full) await full;
      try {
        for (let wait = this.#wait(lane); wait > 0; wait = this.#wait(lane)) {
          await this.#clock.sleep(wait, signal);
        }
      } catch (error) {
        seats?.release();
        throw error;
      }
      lane.start(this.#now(), this.#pausedUntil);
    } finally {
      lane.head.release();
    }
    return () => seats?.release();
  }

  throttled(pace: Pace, retryAfter?: number): void {
    const now = this.#now();
    const pause = Math.min(retryAfter ?? defaultPauseMs, maxPauseMs);
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

  #wait(lane: RateLimit): number {
    return Math.max(lane.next, this.#pausedUntil) - this.#now();
  }
}

/** One rate. A second's worth may come at once, but none of what a pause kept back. */
class RateLimit {
  rate: number;
  /** When the next request may start, in milliseconds since the epoch. */
  next = 0;
  /** Held by the one whose turn is next. */
  readonly head = new Semaphore(1);
  #lastSlowed = -Infinity;
  readonly #recent: number[] = [];

  constructor(rate: number) {
    this.rate = rate;
  }

  start(now: number, pausedUntil: number): void {
    this.#recent.push(now);
    this.#forget(now);
    const interval = 1000 / this.rate;
    this.next = Math.max(this.next, now - burst + interval, pausedUntil) + interval;
  }

  /** Answers to requests that were under way together count as one complaint. */
  slowDown(now: number): void {
    if (now - this.#lastSlowed < 1000) return;
    this.#lastSlowed = now;
    this.#forget(now);
    this.rate = Math.max(1, Math.min(this.rate, Math.max(this.#recent.length, 2)) / 2);
  }

  speedUp(): void {
    if (!Number.isFinite(this.rate)) return;
    this.rate += 1 / this.rate;
    if (this.rate > unlimited) this.rate = Infinity;
  }

  /** Keeps the starts of the last second. */
  #forget(now: number): void {
    while (this.#recent[0] !== undefined && this.#recent[0] <= now - 1000) this.#recent.shift();
  }
}
