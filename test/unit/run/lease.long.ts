import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { holdLease } from '../../../src/run/lease.ts';
import type { BootstrapError } from '../../../src/core/errors.ts';
import type { Context } from '../../../src/steps/context.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { fastClock } from '../../support/fast-clock.ts';

let cluster: TestCluster;
let ctx: Context;
let warnings: string[];
let waits: string[];
let interrupt: AbortController;
let watch: Parameters<typeof holdLease>[1];

beforeEach(async () => {
  // Only the timer of the renewals: requests need the others.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  cluster = await startTestCluster();
  ctx = { cluster: cluster.port, clock: fastClock(cluster.sandbox.clock) } as unknown as Context;
  warnings = [];
  waits = [];
  interrupt = new AbortController();
  watch = {
    signal: interrupt.signal,
    warn: (text) => warnings.push(text),
    waiting: (what, seconds) => waits.push(`${what} ${seconds}`),
  };
});
afterEach(async () => {
  vi.useRealTimers();
  await cluster.close();
});

const lease = () => cluster.inside.get('Lease', 'ecr-bootstrap', 'kube-system');
const spec = () => lease()?.['spec'] as { holderIdentity: string; renewTime: string };
const renewals = (): number =>
  cluster.sandbox.faults.calls.filter(({ operation }) => operation === 'update leases').length;

/** Lets time pass, and what it sets off come to its end. */
async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 2) {
    const before = renewals();
    cluster.sandbox.clock.advance(2000);
    vi.advanceTimersByTime(2000);
    // A renewal that was begun needs a moment of real time.
    for (let look = 0; look < 10; look += 1)
      await new Promise((resolve) => setTimeout(resolve, before < renewals() ? 5 : 1));
  }
}

describe('a lease that is held', () => {
  it('is renewed, and gone when it is given back', async () => {
    const held = await holdLease(ctx, watch);
    const first = spec().renewTime;
    await pass(60);
    expect(held.lost.aborted).toBe(false);
    expect(spec().renewTime > first).toBe(true);
    expect(renewals()).toBeLessThanOrEqual(6);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it.each(['error', 'reset'] as const)('outlives renewals that fail (%s) before its end', async (kind) => {
    const held = await holdLease(ctx, watch);
    const mend = cluster.sandbox.faults.plan({ kind, operation: 'update leases' });
    await pass(20);
    mend();
    await pass(30);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it('outlives a renewal whose answer is lost after it took effect', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'lost', operation: 'update leases', to: 1 });
    await pass(40);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it('is lost when it could not be renewed to its end, with what stood in the way', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'error', operation: 'update leases' });
    await pass(26);
    expect(held.lost.aborted).toBe(false);
    await pass(6);
    expect(held.lost.reason).toMatchObject({
      code: 'lease-lost',
      why: expect.stringContaining('told to fail') as string,
    });
    await held.release();
    expect(lease()).toBeDefined();
  });

  it('is lost at once when somebody else took it, who is named, and is left to them', async () => {
    const held = await holdLease(ctx, watch);
    const theirs = { holderIdentity: 'ann@elsewhere/1', acquireTime: '2026-01-01T00:00:00.000000Z' };
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), ...theirs } });
    await pass(12);
    expect((held.lost.reason as BootstrapError).why).toContain('ann@elsewhere/1 holds it since 2026-01-01');
    await held.release();
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('is still renewed after the wall clock is set back by an hour', async () => {
    const { clock } = ctx;
    let offset = 0;
    const unsteady = { ...clock, now: () => clock.now() + offset };
    const held = await holdLease({ ...ctx, clock: unsteady }, watch);
    await pass(12);
    expect(renewals()).toBe(1);
    offset = -3_600_000;
    await pass(26);
    expect(renewals()).toBeGreaterThanOrEqual(2);
    expect(held.lost.aborted).toBe(false);
    await held.release();
  });

  it('that cannot be released ends no run: it is a warning, with why', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'error', operation: 'delete leases' });
    await held.release();
    expect(lease()).toBeDefined();
    expect(warnings).toEqual([expect.stringMatching(/was not released: .*told to fail.*It expires in 30 s/)]);
  });

  it('is given back when only the answer of its last renewal was lost', async () => {
    const held = await holdLease(ctx, watch);
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: spec() });
    await held.release();
    expect(lease()).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('is left to a run that took it while this one stood still', async () => {
    const held = await holdLease(ctx, watch);
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), holderIdentity: 'ann@elsewhere/1' } });
    await held.release();
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
    expect(warnings).toEqual([]);
  });
});

describe('a lease that is to be taken', () => {
  it('tells who was quicker, when two find it free at once', async () => {
    const taken = await Promise.allSettled([holdLease(ctx, watch), holdLease(ctx, watch)]);
    const refused = taken.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({
      code: 'locked',
      why: expect.stringMatching(/@.* holds it since/) as string,
    });
    for (const one of taken) if (one.status === 'fulfilled') await one.value.release();
  });

  it.each(['lost', 'reset', 'error'] as const)('is taken although its creation meets %s', async (kind) => {
    cluster.sandbox.faults.plan({ kind, operation: 'create leases', to: 1 });
    const held = await holdLease(ctx, watch);
    expect(spec().holderIdentity).toMatch(/@.*\/\d+$/);
    await pass(30);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it.each(['lost', 'reset', 'error'] as const)(
    'is taken from a dead process although the update meets %s',
    async (kind) => {
      leave({ holderIdentity: '', leaseDurationSeconds: 30 });
      cluster.sandbox.faults.plan({ kind, operation: 'update leases', to: 1 });
      const held = await holdLease(ctx, watch);
      await held.release();
      expect(lease()).toBeUndefined();
    },
  );

  it('is given up after three writes without an answer', async () => {
    cluster.sandbox.faults.plan({ kind: 'reset', operation: 'create leases' });
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({ code: 'cluster-unreachable' });
    const { calls } = cluster.sandbox.faults;
    expect(calls.filter(({ operation }) => operation === 'create leases')).toHaveLength(3);
    expect(lease()).toBeUndefined();
  });

  it('is left to another run that took it while our write was not answered', async () => {
    const taken = { holderIdentity: 'ann@elsewhere/1', acquireTime: '2026-01-01T00:00:00.000000Z' };
    cluster.sandbox.faults.plan({ kind: 'reset', operation: 'create leases', to: 1 });
    cluster.sandbox.faults.onCall(({ operation }) => {
      if (operation === 'create leases') leave({ ...taken, leaseDurationSeconds: 30 });
    });
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({
      code: 'locked',
      why: expect.stringContaining('ann@elsewhere/1 holds it since') as string,
    });
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('is taken at once from a process of this machine that is gone', async () => {
    const held = await holdLease(ctx, watch);
    const mine = spec().holderIdentity;
    leave({ ...spec(), holderIdentity: mine.replace(/\d+$/, '999999999') });
    const before = ctx.clock.now();
    const other = await holdLease(ctx, watch);
    expect(spec().holderIdentity).toBe(mine);
    expect(ctx.clock.now() - before).toBeLessThan(2000);
    expect(warnings).toEqual([]);
    await other.release();
    await held.release();
  });
});

/** As another run left it, or leaves it again and again. */
function leave(spec: object): void {
  const { metadata } = lease() ?? { metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' } };
  cluster.inside.put({ kind: 'Lease', metadata, spec });
}

/** Calls it at each look but the first. */
function atEachLook(act: () => void): void {
  let looks = 0;
  cluster.sandbox.faults.onCall(({ operation }) => {
    if (operation === 'get leases' && (looks += 1) > 1) act();
  });
}

describe('a lease that somebody else holds', () => {
  const hour = 3_600_000;
  const elsewhere = { holderIdentity: 'ann@elsewhere/1', leaseDurationSeconds: 30 };
  /** By a clock that is ahead of ours by so much, or behind it. */
  const renewed = (ahead: number) => ({
    ...elsewhere,
    renewTime: new Date(ctx.clock.now() + ahead).toISOString(),
  });

  it.each([
    ['as ours', 0],
    ['two hours ahead', 2 * hour],
    ['an hour behind', -hour],
  ])('is taken when it does not change for its lifetime by our clock, be its own %s', async (_, ahead) => {
    leave(renewed(ahead));
    const before = ctx.clock.now();
    const held = await holdLease(ctx, watch);
    expect(ctx.clock.now() - before).toBeGreaterThanOrEqual(32_000);
    expect(ctx.clock.now() - before).toBeLessThan(40_000);
    expect(warnings).toEqual([expect.stringContaining('ann@elsewhere/1 holds the lease')]);
    expect(waits[1]).toBe('the run that holds the lease to show that it is alive 2');
    await held.release();
  });

  it.each([
    ['as ours', 0],
    ['two hours ahead', 2 * hour],
    ['an hour behind', -hour],
  ])('is left to a run that renews it, be its clock %s', async (_, ahead) => {
    leave(renewed(ahead));
    let looks = 0;
    atEachLook(() => {
      looks += 1;
      if (looks === 5) leave(renewed(ahead));
    });
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({
      code: 'locked',
      why: expect.stringContaining('ann@elsewhere/1 holds it since') as string,
    });
    expect(looks).toBe(5);
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('is not taken for that of a dead process here because the host has the same name', async () => {
    const held = await holdLease(ctx, watch);
    const [, user, host] = /^(.*)@([^:]*)/.exec(spec().holderIdentity) ?? [];
    const namesake = { holderIdentity: `${user}@${host}:00000000/999999999` };
    leave({ ...renewed(0), ...namesake });
    atEachLook(() => leave({ ...renewed(0), ...namesake }));
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({
      code: 'locked',
      why: expect.stringMatching(`^${user}@${host}/999999999 holds it`) as string,
    });
    await held.release();
  });

  it('is taken as soon as it is given back', async () => {
    leave(renewed(0));
    atEachLook(() => cluster.inside.delete('Lease', 'ecr-bootstrap', 'kube-system'));
    const before = ctx.clock.now();
    const held = await holdLease(ctx, watch);
    expect(ctx.clock.now() - before).toBeLessThan(5_000);
    await held.release();
  });

  it('is watched no longer than until Ctrl-C, and left as it is', async () => {
    leave(renewed(0));
    const reason = new Error('stopped');
    atEachLook(() => interrupt.abort(reason));
    await expect(holdLease(ctx, watch)).rejects.toBe(reason);
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });
});
