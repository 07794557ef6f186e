import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../../src/clients/registry/errors.ts';
import {
  HostLimiter,
  type Leave,
  type Rates,
  type RequestKind,
} from '../../../../src/clients/registry/limiter.ts';
import { RetryBudget, retrying } from '../../../../src/clients/registry/retry.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const latencyMs = 40;
const ecrRates = { 'put-manifest': 10, 'start-upload': 100, 'finish-upload': 100 };

/** Numbers from 0 to 1 that are the same in each run. */
function pseudoRandom(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Behavior {
  /** Requests per second and at once that are accepted, by kind. */
  readonly buckets?: Partial<Record<RequestKind, { readonly perSecond: number; readonly burst: number }>>;
  /** The share of requests that are refused at random. */
  readonly noise?: number;
  readonly retryAfter?: number;
}

/** A registry at a distance, and the client's limits for it. */
class Registry {
  readonly arrivals: number[] = [];
  refusals = 0;
  readonly limiter: HostLimiter;
  readonly #clock: VirtualClock;
  readonly #behavior: Behavior;
  readonly #budget = new RetryBudget();
  readonly #levels = new Map<RequestKind, { tokens: number; at: number }>();
  readonly #random = pseudoRandom();

  constructor(clock: VirtualClock, behavior: Behavior, rates?: Rates) {
    this.#clock = clock;
    this.#behavior = behavior;
    this.limiter = new HostLimiter(clock, rates);
  }

  /** One request, retried like in the registry client. Its way there takes between 30 and 50 ms. */
  send(kind: RequestKind): Promise<void> {
    return retrying({ clock: this.#clock, signal, budget: this.#budget }, async () => {
      const leave = await this.limiter.admit(kind, signal);
      await this.#clock.sleep(latencyMs * (0.75 + this.#random() / 2), signal);
      if (this.#accepts(kind)) return leave('succeeded');
      this.refusals += 1;
      const { retryAfter } = this.#behavior;
      leave({ refusedForMs: retryAfter ?? 0 });
      throw new RegistryError(
        { code: 'registry-failed', what: 'put', why: 'Rate exceeded', hint: 'wait' },
        { retryable: true, throttled: true, ...(retryAfter === undefined ? {} : { retryAfter }) },
      );
    });
  }

  #accepts(kind: RequestKind): boolean {
    const now = this.#clock.now();
    this.arrivals.push(now);
    const bucket = this.#behavior.buckets?.[kind];
    if (this.#random() < (this.#behavior.noise ?? 0)) return false;
    if (!bucket) return true;
    const { tokens, at } = this.#levels.get(kind) ?? { tokens: bucket.burst, at: now };
    const available = Math.min(bucket.burst, tokens + ((now - at) / 1000) * bucket.perSecond);
    this.#levels.set(kind, { tokens: available >= 1 ? available - 1 : available, at: now });
    return available >= 1;
  }

  get refusedShare(): number {
    return this.refusals / this.arrivals.length;
  }

  /** Maximum number of requests in any second, counted from a point in time. */
  busiest(from: number): number {
    const times = this.arrivals.filter((time) => time >= from);
    return Math.max(...times.map((start) => times.filter((t) => t >= start && t < start + 1000).length));
  }
}

/** Starts this many requests of one kind at once. */
async function sendAll(kind: RequestKind, requests: number, behavior: Behavior, rates?: Rates) {
  const clock = new VirtualClock();
  const start = clock.now();
  const registry = new Registry(clock, behavior, rates);
  const work = Promise.allSettled(Array.from({ length: requests }, () => registry.send(kind)));
  const results = await clock.passUntil(work);
  const failed = results.filter(({ status }) => status === 'rejected').length;
  return { registry, failed, start, seconds: (clock.now() - start) / 1000 };
}

describe("ECR's published rate of ten manifests per second", () => {
  it.each([5, 10, 20])(
    'is used almost completely, and few requests are refused, when ECR accepts bursts of %i',
    async (burst) => {
      const buckets = { 'put-manifest': { perSecond: 10, burst } };
      const { failed, registry, seconds } = await sendAll('put-manifest', 400, { buckets }, ecrRates);
      expect(failed).toBe(0);
      expect((400 - burst) / seconds).toBeGreaterThan(9);
      expect(registry.refusedShare).toBeLessThan(0.05);
    },
  );

  it('is approached at the pace that ECR accepts when other clients use half of it', async () => {
    const buckets = { 'put-manifest': { perSecond: 5, burst: 5 } };
    const { failed, registry, start, seconds } = await sendAll('put-manifest', 600, { buckets }, ecrRates);
    expect(failed).toBe(0);
    expect(600 / seconds).toBeGreaterThan(4.5);
    expect(registry.refusedShare).toBeLessThan(0.15);
    expect(registry.busiest(start + 1000)).toBeLessThanOrEqual(11);
  });
});

describe('a registry without published rates', () => {
  it.each([
    { perSecond: 100, burst: 100 },
    { perSecond: 5, burst: 5 },
  ])('that accepts $perSecond requests per second receives at least 90 % of them', async (bucket) => {
    const { failed, seconds } = await sendAll('other', 1000, { buckets: { other: bucket } });
    expect(failed).toBe(0);
    expect((1000 - bucket.burst) / seconds).toBeGreaterThan(0.9 * bucket.perSecond);
  });

  it('receives fewer requests while it asks to wait, and not all of them when the wait ends', async () => {
    const behavior = { buckets: { other: { perSecond: 5, burst: 5 } }, retryAfter: 30_000 };
    const { failed, registry, start } = await sendAll('other', 200, behavior);
    expect(failed).toBe(0);
    expect(registry.busiest(start + 1000)).toBeLessThanOrEqual(64);
  });
});

describe('refusals of 5 % of the requests at random', () => {
  /** Copies images of three blobs, like the registry engine. @returns the seconds that it takes */
  async function copyAll(images: number, noise: number, rates?: Rates): Promise<number> {
    const clock = new VirtualClock();
    const start = clock.now();
    const source = new Registry(clock, { noise });
    const target = new Registry(clock, { noise }, rates);
    const transfers = pLimit(64);
    const copyBlob = async () => {
      await Promise.all([source.send('read-blob'), target.send('start-upload')]);
      await target.send('finish-upload');
    };
    const copy = async () => {
      await Promise.all([source.send('other'), target.send('other')]);
      await Promise.all([transfers(copyBlob), transfers(copyBlob), transfers(copyBlob)]);
      await target.send('put-manifest');
    };
    await clock.passUntil(Promise.all(Array.from({ length: images }, copy)));
    return (clock.now() - start) / 1000;
  }

  it('on both sides make a copy to ECR at most a quarter slower', async () => {
    const [quiet, noisy] = [await copyAll(200, 0, ecrRates), await copyAll(200, 0.05, ecrRates)];
    expect(noisy / quiet).toBeLessThan(1.25);
  });

  it('on both sides make a copy to a registry without limits at most a quarter slower', async () => {
    const [quiet, noisy] = [await copyAll(1500, 0), await copyAll(1500, 0.05)];
    expect(noisy / quiet).toBeLessThan(1.25);
  });

  it('slow down nothing else when one of them asks to wait', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock);
    const leave = await admitAll(limiter, 'other', 64);
    leave[0]?.({ refusedForMs: 60_000 });
    const before = clock.now();
    await clock.passUntil(limiter.admit('other', signal));
    expect(clock.now()).toBe(before);
    expect(limiter.window('other')).toBe(64);
  });
});

const admitAll = (limiter: HostLimiter, kind: RequestKind, requests: number): Promise<Leave[]> =>
  Promise.all(Array.from({ length: requests }, () => limiter.admit(kind, signal)));

describe('the window of one kind of request', () => {
  it('is halved once when all requests of a round trip are refused, and waits as long as the registry asks', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock);
    for (const leave of await admitAll(limiter, 'other', 64)) leave({ refusedForMs: 3000 });
    expect(limiter.window('other')).toBe(32);
    const before = clock.now();
    (await clock.passUntil(limiter.admit('other', signal)))('succeeded');
    expect(clock.now() - before).toBe(3000);
  });

  it('is halved again when requests that started later are refused', async () => {
    const limiter = new HostLimiter(new VirtualClock());
    for (const leave of await admitAll(limiter, 'other', 64)) leave({ refusedForMs: 0 });
    for (const leave of await admitAll(limiter, 'other', 32)) leave({ refusedForMs: 0 });
    expect(limiter.window('other')).toBe(16);
  });

  it('grows by about one for as many successes as it has room for, up to its first size', async () => {
    const limiter = new HostLimiter(new VirtualClock());
    for (const leave of await admitAll(limiter, 'other', 64)) leave({ refusedForMs: 0 });
    for (const leave of await admitAll(limiter, 'other', 32)) leave('succeeded');
    expect(limiter.window('other')).toBeCloseTo(33, 1);
    for (let count = 0; count < 5000; count += 1) (await limiter.admit('other', signal))('succeeded');
    expect(limiter.window('other')).toBe(64);
  });

  it('neither grows nor shrinks by failures that are no refusals', async () => {
    const limiter = new HostLimiter(new VirtualClock());
    for (const leave of await admitAll(limiter, 'other', 64)) leave('failed');
    expect(limiter.window('other')).toBe(64);
  });

  it('admits no more requests at once, and admits the next one in order when a request ends', async () => {
    const limiter = new HostLimiter(new VirtualClock());
    const [first] = await admitAll(limiter, 'other', 64);
    const admitted: string[] = [];
    const next = limiter.admit('other', signal).then(() => admitted.push('next'));
    const last = limiter.admit('other', signal).then(() => admitted.push('last'));
    first?.('succeeded');
    await next;
    expect(admitted).toEqual(['next']);
    (await limiter.admit('put-manifest', signal))('succeeded');
    expect(admitted).toEqual(['next']);
    void last;
  });

  it('does not limit other kinds of requests', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock);
    for (const leave of await admitAll(limiter, 'put-manifest', 64)) leave({ refusedForMs: 60_000 });
    const before = clock.now();
    await clock.passUntil(admitAll(limiter, 'other', 64));
    await clock.passUntil(admitAll(limiter, 'read-blob', 200));
    expect(clock.now()).toBe(before);
  });
});

describe('a rate', () => {
  it('is kept after a burst of one second of requests', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock, { 'put-manifest': 10 });
    const start = clock.now();
    await clock.passUntil(admitAll(limiter, 'put-manifest', 10));
    expect(clock.now()).toBe(start);
    await clock.passUntil(admitAll(limiter, 'put-manifest', 40));
    expect(clock.now() - start).toBe(4000);
  });

  it('delays no request of a kind without a rate', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock, { 'put-manifest': 1 });
    const slow = admitAll(limiter, 'put-manifest', 50);
    const before = clock.now();
    await clock.passUntil(admitAll(limiter, 'other', 64));
    expect(clock.now()).toBe(before);
    await clock.passUntil(slow);
    expect(clock.now() - before).toBe(49_000);
  });
});

describe('a request that is aborted while it waits', () => {
  it('for its rate does not block the requests behind it', async () => {
    const clock = new VirtualClock();
    const limiter = new HostLimiter(clock, { 'put-manifest': 1 });
    (await limiter.admit('put-manifest', signal))('succeeded');
    const [first, second] = [new AbortController(), new AbortController()];
    const head = limiter.admit('put-manifest', first.signal);
    const behind = limiter.admit('put-manifest', second.signal);
    const last = limiter.admit('put-manifest', signal);
    second.abort(new Error('enough'));
    first.abort(new Error('enough'));
    await expect(behind).rejects.toThrow('enough');
    await expect(head).rejects.toThrow('enough');
    const before = clock.now();
    await clock.passUntil(last);
    expect(clock.now() - before).toBe(1000);
  });

  it('for another request to end does not block the requests behind it', async () => {
    const limiter = new HostLimiter(new VirtualClock());
    const [leave] = await admitAll(limiter, 'other', 64);
    const aborting = new AbortController();
    const aborted = limiter.admit('other', aborting.signal);
    const next = limiter.admit('other', signal);
    aborting.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    leave?.('succeeded');
    await next;
  });
});

it('does not extend a wait when the wall clock is set back', async () => {
  let offset = 0;
  const clock = new VirtualClock();
  const shifted = { now: () => clock.now() + offset, sleep: clock.sleep.bind(clock) };
  const limiter = new HostLimiter(shifted);
  for (const leave of await admitAll(limiter, 'other', 64)) leave({ refusedForMs: 3000 });
  const before = clock.now();
  offset = -3_600_000;
  await clock.passUntil(limiter.admit('other', signal));
  expect(clock.now() - before).toBeLessThanOrEqual(3000);
});
