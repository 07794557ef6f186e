import { unlessAborted } from '../../core/abort.ts';
import { type Clock, forwardTime } from '../../core/clock.ts';
import { Semaphore } from './semaphore.ts';

/**
 * The kind of a request. ECR has separate rates for PutImage, InitiateLayerUpload, CompleteLayerUpload and
 * GetDownloadUrlForLayer.
 */
export type RequestKind = 'put-manifest' | 'start-upload' | 'finish-upload' | 'read-blob' | 'other';

/** Published requests per second. A kind without a rate is only limited when the registry throttles. */
export type Rates = Partial<Readonly<Record<RequestKind, number>>>;

/** Concurrent requests of one kind, at most. */
const largestWindow = 64;
/** The scheduler bounds long transfers, so these kinds have no window before the registry throttles them. */
const bulk: ReadonlySet<RequestKind> = new Set<RequestKind>(['finish-upload', 'read-blob']);
/** One request per second. */
const smallestWindow = 1 / 20;
/** The pause after each request in a window of one half, in milliseconds. */
const pauseMs = 50;
/** Smaller windows grow as slowly as one of this size. Otherwise a window of one would double at each success. */
const growthWindow = 16;
/** A registry throttles if it refuses this share of the requests. It may refuse single ones at random. */
const throttlingShare = 1 / 5;
/** The weight of the last response in the share of refusals. */
const responseWeight = 1 / 32;
const maxPauseMs = 60_000;

/**
 * How a request ended. A refusal has the wait that the registry asks for, or 0. Other failures say nothing about
 * the registry's limits.
 */
export type Outcome = 'succeeded' | 'failed' | { readonly refusedForMs: number };

/** Ends an admitted request. */
export type Leave = (outcome: Outcome) => void;

/**
 * Paces the requests to one host. Each kind has a token bucket with the published rate, if there is one, and a
 * congestion window. So a registry that throttles one kind of request slows down only that kind.
 */
export class HostLimiter {
  readonly #lanes: Readonly<Record<RequestKind, Lane>>;

  constructor(clock: Clock, rates: Rates = {}) {
    const lane = (kind: RequestKind) =>
      new Lane(clock, rates[kind], bulk.has(kind) ? Infinity : largestWindow);
    this.#lanes = {
      'put-manifest': lane('put-manifest'),
      'start-upload': lane('start-upload'),
      'finish-upload': lane('finish-upload'),
      'read-blob': lane('read-blob'),
      other: lane('other'),
    };
  }

  /** Waits until one request may start. Resolves to a function to call when the response has arrived. */
  admit(kind: RequestKind, signal: AbortSignal): Promise<Leave> {
    return this.#lanes[kind].admit(signal);
  }

  /** Concurrent requests that are currently allowed. Below one, each request is followed by a pause. */
  window(kind: RequestKind): number {
    return this.#lanes[kind].window;
  }
}

/** The requests of one kind, in the order of their arrival. */
class Lane {
  window: number;
  readonly #largestWindow: number;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #bucket: TokenBucket | undefined;
  /** Held by the request whose turn is next. Only this request waits for time, or for another one to end. */
  readonly #head = new Semaphore(1);
  /** Wakes the head when a request has ended. */
  #wake: () => void = () => undefined;
  #inFlight = 0;
  /** The most requests in flight at once since the window was halved. */
  #mostInFlight = 0;
  #started = 0;
  /** How many requests had started when the window was halved. Their refusals have the same cause. */
  #startedBefore = 0;
  #refusedShare = 0;
  #pausedUntil = -Infinity;

  constructor(clock: Clock, rate: number | undefined, largestWindow: number) {
    this.#clock = clock;
    this.#now = forwardTime(clock);
    this.#bucket = rate === undefined ? undefined : new TokenBucket(rate);
    this.#largestWindow = largestWindow;
    this.window = largestWindow;
  }

  async admit(signal: AbortSignal): Promise<Leave> {
    const behind = this.#head.acquire(signal);
    if (behind) await behind;
    try {
      for (;;) {
        const isFull = this.#inFlight >= Math.max(1, Math.floor(this.window));
        const waitMs = this.#waitMs();
        if (isFull) await unlessAborted(signal, () => new Promise<void>((wake) => (this.#wake = wake)));
        else if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
        else return this.#start();
      }
    } finally {
      this.#head.release();
    }
  }

  #waitMs(): number {
    const now = this.#now();
    // Timers drop fractions of a millisecond, and would wake too early.
    return Math.ceil(Math.max(this.#pausedUntil, this.#bucket?.readyAt ?? now) - now);
  }

  #start(): Leave {
    this.#bucket?.take(this.#now());
    this.#inFlight += 1;
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#inFlight);
    const number = (this.#started += 1);
    return (outcome) => {
      this.#inFlight -= 1;
      if (outcome === 'succeeded') this.#grow();
      if (outcome !== 'failed' && number > this.#startedBefore) this.#learn(outcome);
      if (this.window < 1) this.#pause(pauseMs * (1 / this.window - 1));
      this.#wake();
    };
  }

  /** By about one for a window of successes. */
  #grow(): void {
    const growth = Math.min(this.window, 1) / Math.max(this.window, growthWindow);
    this.window = Math.min(this.#largestWindow, this.window + growth);
  }

  /** Halves the window when the registry throttles. A window below one is a sign of it, so every refusal counts. */
  #learn(outcome: Exclude<Outcome, 'failed'>): void {
    const isRefused = outcome !== 'succeeded';
    this.#refusedShare += ((isRefused ? 1 : 0) - this.#refusedShare) * responseWeight;
    if (!isRefused || (this.window >= 1 && this.#refusedShare < throttlingShare)) return;
    this.window = Math.max(smallestWindow, Math.min(this.window, this.#mostInFlight) / 2);
    this.#mostInFlight = this.#inFlight;
    this.#startedBefore = this.#started;
    this.#refusedShare = 0;
    this.#pause(outcome.refusedForMs);
  }

  #pause(durationMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#now() + Math.min(durationMs, maxPauseMs));
  }
}

/** Allows a number of requests per second. Those of one second may start at once. */
class TokenBucket {
  readonly #intervalMs: number;
  /** When the bucket will be full. */
  #fullAt = -Infinity;

  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
  }

  /** When the next request may start. */
  get readyAt(): number {
    return this.#fullAt + this.#intervalMs - 1000;
  }

  take(now: number): void {
    this.#fullAt = Math.max(now, this.#fullAt) + this.#intervalMs;
  }
}
