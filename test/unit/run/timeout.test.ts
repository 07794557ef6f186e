import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deadline } from '../../../src/run/timeout.ts';

let wall: number;
const clock = { now: () => wall };

beforeEach(() => {
  wall = 1_000_000;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

it('aborts at the end of --timeout, and not before', () => {
  const signal = deadline(2500, clock);
  vi.advanceTimersByTime(2490);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(20);
  expect(signal.reason).toMatchObject({ code: 'timeout' });
});

it('counts the time that the computer slept toward --timeout', () => {
  const signal = deadline(600_000, clock);
  wall += 3_600_000;
  vi.advanceTimersByTime(1000);
  expect(signal.aborted).toBe(true);
});

it('does not wait longer when the wall clock is set back', () => {
  const signal = deadline(5000, clock);
  wall -= 3_600_000;
  vi.advanceTimersByTime(5010);
  expect(signal.aborted).toBe(true);
});
