import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../../../src/clients/registry/errors.ts';
import { HostLimiter } from '../../../../src/clients/registry/limiter.ts';
import { RetryBudget, retrying } from '../../../../src/clients/registry/retry.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const latency = 40;

/** A registry that accepts this many requests per second, and as many at once. It throttles all others. */
class Throttled {
  readonly arrivals: number[] = [];
  refusals = 0;
  readonly #perSecond: number;
  #left: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  takes(now: number): boolean {
    const since = now - (this.arrivals.at(-1) ?? now);
    this.arrivals.push(now);
    this.#left = Math.min(this.#perSecond, this.#left + (since / 1000) * this.#perSecond);
    if (this.#left < 1) {
      this.refusals += 1;
      return false;
    }
    this.#left -= 1;
    return true;
  }

  /** Maximum number of requests in any second, counted from a point in time. */
  busiest(from = 0): number {
    const times = this.arrivals.filter((time) => time >= from);
    return Math.max(...times.map((start) => times.filter((t) => t >= start && t < start + 1000).length));
  }
}

/** Starts this many PUTs of manifests at once. Each is retried like in the registry client. */
async function putAll(requests: number, server: Throttled, retryAfter?: number) {
  const clock = new VirtualClock();
  const start = clock.now();
  const limiter = new HostLimiter(clock, { 'put-manifest': 10 });
  const budget = new RetryBudget();
  const put = async () => {
    const done = await limiter.admit('put-manifest', signal);
    try {
      await clock.sleep(latency, signal);
      if (server.takes(clock.now())) return limiter.succeeded('put-manifest');
      limiter.throttled('put-manifest', retryAfter);
      throw new RegistryError(
        { code: 'registry-failed', what: 'put', why: 'Rate exceeded', hint: 'wait' },
        { retryable: true, throttled: true, ...(retryAfter === undefined ? {} : { retryAfter }) },
      );
    } finally {
      done();
    }
  };
  const puts = Array.from({ length: requests }, () => retrying({ clock, signal, budget }, put));
  const results = await clock.passUntil(Promise.allSettled(puts));
  const failed = results.filter(({ status }) => status === 'rejected').length;
  return { failed, start, seconds: (clock.now() - start) / 1000 };
}

describe('a registry that allows half of the documented rate', () => {
  test('receives the queued requests at its own rate, and no request fails', async () => {
    const server = new Throttled(5);
    const { failed, start, seconds } = await putAll(600, server);
    expect(failed).toBe(0);
    expect(server.refusals).toBeLessThan(60);
    expect(server.busiest(start + 1000)).toBeLessThanOrEqual(10);
    expect(seconds).toBeLessThan(150);
  });

  test('does not receive all waiting requests at once when its pause ends', async () => {
    const server = new Throttled(5);
    const { failed, start } = await putAll(200, server, 30_000);
    expect(failed).toBe(0);
    expect(server.busiest(start + 1000)).toBeLessThanOrEqual(10);
  });
});

test('does not block other requests when a waiting request is aborted', async () => {
  const clock = new VirtualClock();
  const limiter = new HostLimiter(clock, { 'put-manifest': 1 });
  (await limiter.admit('put-manifest', signal))();
  const [first, second] = [new AbortController(), new AbortController()];
  const head = limiter.admit('put-manifest', first.signal);
  const behind = limiter.admit('put-manifest', second.signal);
  const last = limiter.admit('put-manifest', signal);
  second.abort(new Error('enough'));
  first.abort(new Error('enough'));
  await expect(behind).rejects.toThrow('enough');
  await expect(head).rejects.toThrow('enough');
  const before = clock.now();
  (await clock.passUntil(last))();
  expect(clock.now() - before).toBe(1000);
});

test('does not let a slow rate block other rates or long bodies', async () => {
  const clock = new VirtualClock();
  const limiter = new HostLimiter(clock, { 'put-manifest': 1 });
  const slow = Array.from({ length: 100 }, () => limiter.admit('put-manifest', signal));
  for (let count = 0; count < 60; count += 1) await limiter.admit('other', signal);
  for (let count = 0; count < 60; count += 1) await limiter.admit('read-blob', signal);
  await clock.passUntil(Promise.all(slow.map(async (turn) => (await turn)())));
});

test('also delays requests that only waited for a slot when the host asks for a pause', async () => {
  const clock = new VirtualClock();
  const limiter = new HostLimiter(clock);
  const leave = await Promise.all(Array.from({ length: 64 }, () => limiter.admit('other', signal)));
  const next = limiter.admit('other', signal);
  limiter.throttled('other', 5000);
  leave[0]?.();
  const before = clock.now();
  await clock.passUntil(next);
  expect(clock.now() - before).toBe(5000);
});
