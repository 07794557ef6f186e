import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { holdLease } from '../../../src/app/lease.ts';
import type { BootstrapError } from '../../../src/errors/index.ts';
import type { Context } from '../../../src/steps/context.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
let ctx: Context;

beforeEach(async () => {
  // Only the timer of the renewals: requests need the others.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  cluster = await startTestCluster();
  const { clock } = cluster.sandbox;
  ctx = { cluster: cluster.port, clock: { now: () => clock.now() } } as unknown as Context;
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
    const held = await holdLease(ctx);
    const first = spec().renewTime;
    await pass(60);
    expect(held.lost.aborted).toBe(false);
    expect(spec().renewTime > first).toBe(true);
    expect(renewals()).toBeLessThanOrEqual(6);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it.each(['error', 'reset'] as const)('outlives renewals that fail (%s) before its end', async (kind) => {
    const held = await holdLease(ctx);
    const mend = cluster.sandbox.faults.plan({ kind, operation: 'update leases' });
    await pass(20);
    mend();
    await pass(30);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it('outlives a renewal whose answer is lost after it took effect', async () => {
    const held = await holdLease(ctx);
    cluster.sandbox.faults.plan({ kind: 'lost', operation: 'update leases', to: 1 });
    await pass(40);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it('is lost when it could not be renewed to its end, with what stood in the way', async () => {
    const held = await holdLease(ctx);
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
    const held = await holdLease(ctx);
    const theirs = { holderIdentity: 'ann@elsewhere/1', acquireTime: '2026-01-01T00:00:00.000000Z' };
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), ...theirs } });
    await pass(12);
    expect((held.lost.reason as BootstrapError).why).toContain('ann@elsewhere/1 holds it since 2026-01-01');
    await held.release();
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });
});

describe('a lease that is to be taken', () => {
  it('tells who was quicker, when two find it free at once', async () => {
    const taken = await Promise.allSettled([holdLease(ctx), holdLease(ctx)]);
    const refused = taken.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({
      code: 'locked',
      why: expect.stringMatching(/@.* holds it since/) as string,
    });
    for (const one of taken) if (one.status === 'fulfilled') await one.value.release();
  });

  it('is taken from a process of this machine that is gone, before its time', async () => {
    const held = await holdLease(ctx);
    const { metadata } = lease() ?? { metadata: { name: '' } };
    const holderIdentity = spec().holderIdentity.replace(/\d+$/, '999999999');
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), holderIdentity } });
    const other = await holdLease(ctx);
    expect(spec().holderIdentity).not.toBe(holderIdentity);
    await other.release();
    await held.release();
  });
});
