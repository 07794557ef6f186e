import { expect, describe, it } from 'vitest';
import { setImmediate } from 'node:timers/promises';
import { onAbort, SharedWork } from '../../../src/core/abort.ts';

/** Work that ends when the test resolves it, or when it is canceled. */
function startable() {
  const begun: { readonly finish: (text: string) => void; readonly signal: AbortSignal }[] = [];
  const begin = (signal: AbortSignal): Promise<string> =>
    new Promise((finish, fail) => {
      signal.addEventListener('abort', () => fail(signal.reason as Error));
      begun.push({ finish, signal });
    });
  return { begun, begin };
}

describe('a listener of a signal', () => {
  it('is called once when the signal is aborted, unless it was removed', () => {
    const run = new AbortController();
    const calls: string[] = [];
    onAbort(run.signal, () => calls.push('kept'));
    onAbort(run.signal, () => calls.push('removed'))();
    run.abort();
    run.abort();
    expect(calls).toEqual(['kept']);
  });

  it('causes no warning of Node when it is one of many', async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error) => warnings.push(warning);
    process.on('warning', collect);
    const { signal } = new AbortController();
    for (let count = 0; count < 100; count += 1) onAbort(signal, () => undefined);
    await setImmediate();
    process.off('warning', collect);
    expect(warnings).toEqual([]);
  });
});

describe('shared work', () => {
  it('runs once for all callers that join while it runs, and again for later callers', async () => {
    const { begun, begin } = startable();
    const shared = new SharedWork<string>();
    const { signal } = new AbortController();
    const both = [shared.join('a', signal, begin), shared.join('a', signal, begin)];
    begun[0]?.finish('once');
    expect(await Promise.all(both)).toEqual(['once', 'once']);
    void shared.join('a', signal, begin);
    expect(begun).toHaveLength(2);
  });

  it('continues for the other callers when the caller that started it gives up', async () => {
    const { begun, begin } = startable();
    const shared = new SharedWork<string>();
    const first = new AbortController();
    const canceled = shared.join('a', first.signal, begin);
    const other = shared.join('a', new AbortController().signal, begin);
    first.abort(new Error('canceled'));
    await expect(canceled).rejects.toThrow('canceled');
    expect(begun[0]?.signal.aborted).toBe(false);
    begun[0]?.finish('done');
    expect(await other).toBe('done');
  });

  it('is canceled when the last caller gives up, and starts again for the next caller', async () => {
    const { begun, begin } = startable();
    const shared = new SharedWork<string>();
    const callers = [new AbortController(), new AbortController()];
    const results = callers.map(({ signal }) => shared.join('a', signal, begin));
    for (const caller of callers) caller.abort(new Error('canceled'));
    const next = Promise.allSettled(results).then(() =>
      shared.join('a', new AbortController().signal, begin),
    );
    await Promise.allSettled(results);
    expect(begun[0]?.signal.aborted).toBe(true);
    await expect.poll(() => begun.length).toBe(2);
    begun[1]?.finish('again');
    expect(await next).toBe('again');
  });

  it('fails for all waiting callers when it fails', async () => {
    const shared = new SharedWork<string>();
    const { signal } = new AbortController();
    const fail = () => Promise.reject(new Error('refused'));
    const results = [shared.join('a', signal, fail), shared.join('a', signal, fail)];
    for (const result of results) await expect(result).rejects.toThrow('refused');
  });
});
