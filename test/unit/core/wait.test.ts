import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import { waitFor } from '../../../src/core/wait.ts';

/** A clock that jumps instead of waiting. */
function jumping(): Clock & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: (milliseconds) => {
      now += milliseconds;
      slept.push(milliseconds);
      return Promise.resolve();
    },
  };
}

const wait = (clock: Clock, signal = new AbortController().signal) => ({
  what: 'the thing',
  clock,
  signal,
  emit: () => undefined,
  deadlineMs: 5_000,
  hint: 'look at it',
});

describe('waitFor', () => {
  it('does not sleep when the first look succeeds', async () => {
    const clock = jumping();
    expect(await waitFor(wait(clock), () => Promise.resolve('seen'))).toBe('seen');
    expect(clock.slept).toEqual([]);
  });

  it('gives up at the deadline with the last reason for waiting', async () => {
    const clock = jumping();
    const waiting = waitFor(wait(clock), (pending) => Promise.resolve(pending('two pods are starting')));
    await expect(waiting).rejects.toMatchObject({
      code: 'not-ready',
      what: 'wait for the thing',
      why: 'two pods are starting (after 5 s)',
      hint: 'look at it',
    });
    expect(clock.slept).toEqual([1000, 1000, 1000, 1000, 1000]);
  });

  it('goes on past the deadline while fewer and fewer are left', async () => {
    const clock = jumping();
    let left = 30;
    const look = (pending: (why: string, tally: { left: number; of: number }) => undefined) =>
      Promise.resolve(left-- > 0 ? pending('some wait', { left, of: 30 }) : 'seen');
    expect(await waitFor(wait(clock), look)).toBe('seen');
    expect(clock.now()).toBe(30_000);
  });

  it('gives up when the number of those that are left does not get below what it was', async () => {
    const clock = jumping();
    const counts = [9, 8, 7, 8, 7, 8, 7, 8, 7];
    const waiting = waitFor(wait(clock), (pending) =>
      Promise.resolve(pending('some wait', { left: counts.shift() ?? 7, of: 9 })),
    );
    await expect(waiting).rejects.toMatchObject({
      why: 'some wait (after 7 s, the last 5 s without progress)',
    });
  });

  it.each([
    [10, 1000],
    [1000, 2000],
    [50_000, 3000],
  ])('looks at %i objects every %i ms', async (of, pause) => {
    const clock = jumping();
    const waiting = waitFor(wait(clock), (pending) => Promise.resolve(pending('some wait', { left: 1, of })));
    await expect(waiting).rejects.toMatchObject({ code: 'not-ready' });
    expect(clock.slept[0]).toBe(pause);
  });

  it('stops at once on a cause that waiting will not cure', async () => {
    const clock = jumping();
    const waiting = waitFor(wait(clock), () => Promise.reject(new Error('wrong image')));
    await expect(waiting).rejects.toThrow('wrong image');
    expect(clock.slept).toEqual([]);
  });

  it('ends with the reason of the signal', async () => {
    const interrupt = new AbortController();
    interrupt.abort(new Error('Ctrl-C'));
    const waiting = waitFor(wait(jumping(), interrupt.signal), () => Promise.resolve(undefined));
    await expect(waiting).rejects.toThrow('Ctrl-C');
  });

  const outage = (isTransient: boolean) =>
    new BootstrapError({
      code: 'cluster-unreachable',
      what: 'get pods',
      why: 'refused',
      hint: '',
      isTransient,
    });

  it('continues when the API server is back before the deadline', async () => {
    const clock = jumping();
    const answers = [Promise.resolve(undefined), Promise.reject(outage(true)), Promise.reject(outage(true))];
    expect(await waitFor(wait(clock), () => answers.shift() ?? Promise.resolve('seen'))).toBe('seen');
    expect(clock.slept).toEqual([1000, 1000, 1000]);
  });

  it('ends with the outage that lasts until the deadline', async () => {
    const clock = jumping();
    const last = outage(true);
    await expect(waitFor(wait(clock), () => Promise.reject(last))).rejects.toBe(last);
    expect(clock.now()).toBe(5000);
  });

  it('stops at once when the API server refuses the credentials', async () => {
    const clock = jumping();
    await expect(waitFor(wait(clock), () => Promise.reject(outage(false)))).rejects.toThrow('refused');
    expect(clock.slept).toEqual([]);
  });

  it('gives up at the deadline even if the wall clock is set back by an hour meanwhile', async () => {
    const clock = jumping();
    const setBack = { ...clock, now: () => clock.now() - (clock.slept.length < 2 ? 0 : 3_600_000) };
    const waiting = waitFor(wait(setBack), (pending) => Promise.resolve(pending('it starts')));
    await expect(waiting).rejects.toMatchObject({ code: 'not-ready' });
    expect(clock.slept.length).toBeLessThanOrEqual(7);
  });
});
