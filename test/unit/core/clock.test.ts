import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forwardTime, stopwatch, systemClock } from '../../../src/core/clock.ts';

let wall: number;
const clock = { now: () => wall };

beforeEach(() => {
  wall = 1_000_000;
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('stopwatch', () => {
  it('uses the monotonic clock when the wall clock does not advance', () => {
    const passed = stopwatch(clock);
    vi.advanceTimersByTime(5000);
    expect(passed()).toBe(5000);
  });

  it('includes the time that the computer slept, which only the wall clock shows', () => {
    const passed = stopwatch(clock);
    wall += 60_000;
    expect(passed()).toBe(60_000);
  });

  it('keeps the time before the wall clock was set back, and includes the sleep that follows', () => {
    const passed = stopwatch(clock);
    wall += 10_000;
    expect(passed()).toBe(10_000);
    wall -= 3_600_000;
    expect(passed()).toBe(10_000);
    wall += 60_000;
    expect(passed()).toBe(70_000);
  });
});

describe('forwardTime', () => {
  it('continues from the latest time when the wall clock is set back', () => {
    const now = forwardTime(clock);
    const before = now();
    wall += 500;
    expect(now() - before).toBe(500);
    wall -= 3_600_000;
    expect(now() - before).toBe(500);
    wall += 250;
    expect(now() - before).toBe(750);
  });
});

describe('a sleep of the system clock', () => {
  const hour = 3_600_000;

  it('ends with the reason of its signal, whether that is aborted before or meanwhile', async () => {
    const run = new AbortController();
    const sleep = systemClock.sleep(hour, run.signal);
    const reason = new Error('the run ended');
    run.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    await expect(systemClock.sleep(hour, run.signal)).rejects.toBe(reason);
  });

  it('ends after its time, also without a signal, and leaves no listener', async () => {
    const { signal } = new AbortController();
    await systemClock.sleep(1, signal);
    await systemClock.sleep(1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
