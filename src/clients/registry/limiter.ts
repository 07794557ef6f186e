import { type Clock, forwardTime } from '../../core/clock.ts';
import { Semaphore } from './semaphore.ts';

/**
 * The rate limit that applies to a request. ECR has separate rates for PutImage, InitiateLayerUpload,
 * CompleteLayerUpload and GetDownloadUrlForLayer.
 */
export type RateClass = 'put-manifest' | 'start-upload' | 'finish-upload' | 'read-blob' | 'other';

/** Initial requests per second. If missing, there is no limit until the registry throttles. */
export type Rates = Partial<Readonly<Record<RateClass, number>>>;

/** Concurrent requests to one host. */
const maxInFlight = 64;
/** Requests with long transfers take no slot, because short requests would wait for them. The scheduler bounds them. */
const bulk: ReadonlySet<RateClass> = new Set<RateClass>(['finish-upload', 'read-blob']);
const defaultPauseMs = 500;
const maxPauseMs = 60_000;
/** A rate that grows to this value is no longer limited. */
const unlimited = 1000;
/** How long unused requests of a rate can be used later. In milliseconds. */
const burst = 1000;

/**
 * Paces the requests to one host. It starts at the documented rates and adapts. When the host throttles (429,
 * 503), all requests pause as long as the host asks, and the rate halves. Successes let the rate grow by about
 * one request per second every second. Waiting requests have no fixed start time: the current rate and pause
 * decide when the next one may start.
 */
export class HostLimiter {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #lanes: Record<RateClass, RateLimit>;
  readonly #slots = new Semaphore(maxInFlight);
  #pausedUntil = 0;

  constructor(clock: Clock, rates: Rates = {}) {
    this.#clock = clock;
    this.#now = forwardTime(clock);
    const lane = (pace: RateClass) => new RateLimit(rates[pace] ?? Infinity);
    this.#lanes = {
      'put-manifest': lane('put-manifest'),
      'start-upload': lane('start-upload'),
      'finish-upload': lane('finish-upload'),
      'read-blob': lane('read-blob'),
      other: lane('other'),
    };
  }

  /** Waits until one request may start. Resolves to a function to call when the response has arrived. */
  async admit(pace: RateClass, signal: AbortSignal): Promise<() => void> {
    const lane = this.#lanes[pace];
    const slots = bulk.has(pace) ? undefined : this.#slots;
    const behind = lane.head.acquire(signal);
    if (behind) await behind;
    // Only the head of a lane waits for a slot and its turn, so a slow rate blocks at most one slot for the other
    // lanes.
    try {
      const full = slots?.acquire(signal);
      if (full) await full;
      try {
        for (let wait = this.#wait(lane); wait > 0; wait = this.#wait(lane)) {
          await this.#clock.sleep(wait, signal);
        }
      } catch (error) {
        slots?.release();
        throw error;
      }
      lane.start(this.#now(), this.#pausedUntil);
    } finally {
      lane.head.release();
    }
    return () => slots?.release();
  }

  throttled(pace: RateClass, retryAfter?: number): void {
    const now = this.#now();
    const pause = Math.min(retryAfter ?? defaultPauseMs, maxPauseMs);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause);
    this.#lanes[pace].slowDown(now);
  }

  succeeded(pace: RateClass): void {
    this.#lanes[pace].speedUp();
  }

  /** Requests per second that are currently allowed. */
  rate(pace: RateClass): number {
    return this.#lanes[pace].rate;
  }

  #wait(lane: RateLimit): number {
    return Math.max(lane.next, this.#pausedUntil) - this.#now();
  }
}

/** One rate. The requests of one second may start at once, but not those that a pause delayed. */
class RateLimit {
  rate: number;
  /** When the next request may start, in milliseconds of {@link forwardTime}. */
  next = 0;
  /** Held by the request whose turn is next. */
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

  /** Halves the rate once for all throttled responses to requests that were in flight together. */
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

  /** Forgets starts that are older than one second. */
  #forget(now: number): void {
    while (this.#recent[0] !== undefined && this.#recent[0] <= now - 1000) this.#recent.shift();
  }
}
