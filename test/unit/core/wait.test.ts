import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import { contextsOf, waitFor } from '../../../src/core/wait.ts';

/** A clock whose sleeps take no time. */
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

const wait = { what: 'the thing', deadlineMs: 5_000, hint: 'describe it' };

const runWith = (clock: Clock, signal = new AbortController().signal) => ({
  ctx: { clock },
  signal,
  emit: () => undefined,
});

describe('waitFor', () => {
  it('does not sleep when the first check succeeds', async () => {
    const clock = jumping();
    expect(await waitFor(runWith(clock), wait, () => Promise.resolve('ready'))).toBe('ready');
    expect(clock.slept).toEqual([]);
  });

  it('times out at the deadline with the last reason for waiting', async () => {
    const clock = jumping();
    const waiting = waitFor(runWith(clock), wait, (pending) =>
      Promise.resolve(pending('two pods are starting')),
    );
    await expect(waiting).rejects.toMatchObject({
      code: 'not-ready',
      what: 'timed out waiting for the thing',
      why: 'two pods are starting (after 5 s)',
      hint: 'describe it',
    });
    expect(clock.slept).toEqual([1000, 1000, 1000, 1000, 1000]);
  });

  it('continues past the deadline while the number of remaining objects falls', async () => {
    const clock = jumping();
    let left = 30;
    const check = (pending: (why: string, count: { left: number; of: number }) => undefined) =>
      Promise.resolve(left-- > 0 ? pending('some wait', { left, of: 30 }) : 'ready');
    expect(await waitFor(runWith(clock), wait, check)).toBe('ready');
    expect(clock.now()).toBe(30_000);
  });

  it('times out when the number of remaining objects reaches no new minimum', async () => {
    const clock = jumping();
    const counts = [9, 8, 7, 8, 7, 8, 7, 8, 7];
    const waiting = waitFor(runWith(clock), wait, (pending) =>
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
  ])('checks %i objects every %i ms', async (of, pauseMs) => {
    const clock = jumping();
    const waiting = waitFor(runWith(clock), wait, (pending) =>
      Promise.resolve(pending('some wait', { left: 1, of })),
    );
    await expect(waiting).rejects.toMatchObject({ code: 'not-ready' });
    expect(clock.slept[0]).toBe(pauseMs);
  });

  it('fails at once when the check throws', async () => {
    const clock = jumping();
    const waiting = waitFor(runWith(clock), wait, () => Promise.reject(new Error('wrong image')));
    await expect(waiting).rejects.toThrow('wrong image');
    expect(clock.slept).toEqual([]);
  });

  it('fails with the reason of the aborted signal', async () => {
    const interrupt = new AbortController();
    interrupt.abort(new Error('Ctrl-C'));
    const waiting = waitFor(runWith(jumping(), interrupt.signal), wait, () => Promise.resolve(undefined));
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

  it('continues when the API server is available again before the deadline', async () => {
    const clock = jumping();
    const answers = [Promise.resolve(undefined), Promise.reject(outage(true)), Promise.reject(outage(true))];
    expect(await waitFor(runWith(clock), wait, () => answers.shift() ?? Promise.resolve('ready'))).toBe(
      'ready',
    );
    expect(clock.slept).toEqual([1000, 1000, 1000]);
  });

  it('fails with the error of an outage that lasts until the deadline', async () => {
    const clock = jumping();
    const last = outage(true);
    await expect(waitFor(runWith(clock), wait, () => Promise.reject(last))).rejects.toBe(last);
    expect(clock.now()).toBe(5000);
  });

  it('fails at once when the API server rejects the credentials', async () => {
    const clock = jumping();
    await expect(waitFor(runWith(clock), wait, () => Promise.reject(outage(false)))).rejects.toThrow(
      'refused',
    );
    expect(clock.slept).toEqual([]);
  });

  it('times out at the deadline even if the wall clock is set back by an hour during the wait', async () => {
    const clock = jumping();
    const setBack = { ...clock, now: () => clock.now() - (clock.slept.length < 2 ? 0 : 3_600_000) };
    const waiting = waitFor(runWith(setBack), wait, (pending) => Promise.resolve(pending('it starts')));
    await expect(waiting).rejects.toMatchObject({ code: 'not-ready' });
    expect(clock.slept.length).toBeLessThanOrEqual(7);
  });
});

it.each([
  { isReadOnly: true, contexts: ['plan', 'fresh', 'fresh'] },
  { isReadOnly: false, contexts: ['fresh', 'fresh', 'fresh'] },
])('repeated checks of a run with isReadOnly $isReadOnly read from $contexts', ({ isReadOnly, contexts }) => {
  interface Context {
    readonly name: string;
    fresh(): Context;
  }
  const fresh: Context = { name: 'fresh', fresh: () => fresh };
  const next = contextsOf<Context>({ ctx: { name: 'plan', fresh: () => fresh }, isReadOnly });
  expect([next(), next(), next()].map(({ name }) => name)).toEqual(contexts);
});
