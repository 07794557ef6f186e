import { expect, test } from 'vitest';
import { HostLimiter } from '../../../../src/clients/registry/limiter.ts';
import { InstantClock } from '../../../support/registry-engine.ts';

const { signal } = new AbortController();
const run = async (limiter: HostLimiter, requests: number) => {
  for (let count = 0; count < requests; count += 1) (await limiter.admit('put-manifest', signal))();
};

test('keeps a documented rate, after a burst of one second of requests', async () => {
  const clock = new InstantClock();
  const start = clock.now();
  await run(new HostLimiter(clock, { 'put-manifest': 10 }), 50);
  expect(clock.now() - start).toBeGreaterThanOrEqual(3_800);
  expect(clock.now() - start).toBeLessThanOrEqual(5_000);
});

test('delays no request without a documented rate', async () => {
  const clock = new InstantClock();
  await run(new HostLimiter(clock), 500);
  expect(clock.slept).toEqual([]);
});

test('pauses as long as the host asks and halves the rate once, and raises it again after successes', async () => {
  const clock = new InstantClock();
  const limiter = new HostLimiter(clock, { 'put-manifest': 10 });
  await run(limiter, 10);
  limiter.throttled('put-manifest', 3000);
  limiter.throttled('put-manifest', 1000);
  expect(limiter.rate('put-manifest')).toBe(5);
  const before = clock.now();
  await run(limiter, 1);
  expect(clock.now() - before).toBeGreaterThanOrEqual(3000);
  for (let count = 0; count < 30; count += 1) limiter.succeeded('put-manifest');
  expect(limiter.rate('put-manifest')).toBeGreaterThan(8);
});

test('sends at most 64 concurrent requests, and ends the wait of an aborted request', async () => {
  const limiter = new HostLimiter(new InstantClock());
  const leave = await Promise.all(Array.from({ length: 64 }, () => limiter.admit('other', signal)));
  const aborting = new AbortController();
  const aborted = limiter.admit('other', aborting.signal);
  let isIn = false;
  const next = limiter.admit('other', signal).then(() => (isIn = true));
  aborting.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  expect(isIn).toBe(false);
  leave[0]?.();
  await next;
});

test('does not extend a pause when the wall clock is set back', async () => {
  const clock = new InstantClock();
  const limiter = new HostLimiter(clock, { 'put-manifest': 10 });
  await run(limiter, 1);
  limiter.throttled('put-manifest', 3000);
  clock.advance(-3_600_000);
  await run(limiter, 1);
  expect(Math.max(...clock.slept)).toBeLessThanOrEqual(3000);
});
