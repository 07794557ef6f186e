import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { inParallel, inOrder, tolerating } from '../../../src/core/members.ts';
import type { Change, Outcome, Run } from '../../../src/core/step.ts';

const changes = ['a', 'b', 'c'].map((name): Change => ({
  action: 'create',
  target: { kind: 'thing', name },
  fields: [],
}));
const run = (): Run<undefined> => ({
  ctx: undefined,
  signal: new AbortController().signal,
  emit: () => undefined,
});

describe('inOrder', () => {
  it('skips the changes after the first failure', async () => {
    const outcomes = await inOrder(changes, run(), (change) =>
      change.target.name === 'b' ? Promise.reject(new Error('boom')) : Promise.resolve(),
    );
    expect(outcomes.map((outcome) => outcome.result)).toEqual(['done', 'failed', 'skipped']);
  });
});

describe('inParallel', () => {
  it('never has more changes in flight than the limit', async () => {
    let under = 0;
    let most = 0;
    await inParallel(2, changes, run(), async () => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    });
    expect(most).toBe(2);
  });

  it('applies the other changes when one fails, and keeps their order', async () => {
    const outcomes = await inParallel(3, changes, run(), (change) =>
      change.target.name === 'a' ? Promise.reject(new Error('boom')) : Promise.resolve('fine'),
    );
    expect(outcomes.map(({ change, result }) => `${change.target.name} ${result}`)).toEqual([
      'a failed',
      'b done',
      'c done',
    ]);
  });
});

describe('tolerating', () => {
  const [change] = changes as [Change];
  const failed = (code: ErrorCode): Outcome => ({
    change,
    result: 'failed',
    error: new BootstrapError({ code, what: 'create a', why: 'no', hint: 'ask' }),
  });

  it('tolerates an error that can affect one member only', () => {
    expect(tolerating([failed('cluster-denied'), { change, result: 'done' }])).toEqual([
      { ...failed('cluster-denied'), tolerable: true },
      { change, result: 'done' },
    ]);
  });

  it.each(['cluster-unreachable', 'credentials-expired', 'interrupted', 'bug'] as const)(
    'does not tolerate %s, which would affect every other member too',
    (code) => {
      expect(tolerating([failed(code)])).toEqual([failed(code)]);
    },
  );
});
