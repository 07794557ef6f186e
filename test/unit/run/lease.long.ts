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
/** Requests to the API server that have not ended. */
let inFlight: number;
let watch: Parameters<typeof holdLease>[1];

beforeEach(async () => {
  // Only the timer of the renewals is fake, because requests need the others.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  cluster = await startTestCluster();
  inFlight = 0;
  ctx = { cluster: counting(cluster.port), clock: fastClock(cluster.sandbox.clock) } as unknown as Context;
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

type Cluster = Pick<Context['cluster'], 'get' | 'create' | 'update' | 'delete'>;

function counting(port: Cluster): Cluster {
  const counted = async <T>(request: Promise<T>): Promise<T> => {
    inFlight += 1;
    try {
      return await request;
    } finally {
      inFlight -= 1;
    }
  };
  return {
    get: (...args) => counted(port.get(...args)),
    create: (...args) => counted(port.create(...args)),
    update: (...args) => counted(port.update(...args)),
    delete: (...args) => counted(port.delete(...args)),
  };
}

/** Advances the time, and waits for the renewals that this starts. */
async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 2) {
    cluster.sandbox.clock.advance(2000);
    vi.advanceTimersByTime(2000);
    // The turn of the event loop after the last request handles its result, and may start another one.
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while (inFlight > 0);
  }
}

describe('a held lease', () => {
  it('is renewed during the run and deleted when it is released', async () => {
    const held = await holdLease(ctx, watch);
    const first = spec().renewTime;
    await pass(60);
    expect(held.lost.aborted).toBe(false);
    expect(spec().renewTime > first).toBe(true);
    expect(renewals()).toBeLessThanOrEqual(6);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it.each(['error', 'reset'] as const)(
    'survives renewals that fail (%s) for less than its renew deadline',
    async (kind) => {
      const held = await holdLease(ctx, watch);
      const clearFault = cluster.sandbox.faults.plan({ kind, operation: 'update leases' });
      await pass(20);
      clearFault();
      await pass(30);
      expect(held.lost.aborted).toBe(false);
      await held.release();
      expect(lease()).toBeUndefined();
    },
  );

  it('survives a renewal that takes effect although its response is lost', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'lost', operation: 'update leases', to: 1 });
    await pass(40);
    expect(held.lost.aborted).toBe(false);
    await held.release();
    expect(lease()).toBeUndefined();
  });

  it('is lost when it could not be renewed in time, and the error gives the reason', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'error', operation: 'update leases' });
    await pass(22);
    expect(held.lost.aborted).toBe(false);
    await pass(4);
    expect(held.lost.reason).toMatchObject({
      code: 'lease-lost',
      why: expect.stringContaining('injected this failure') as string,
    });
    await held.release();
    expect(lease()).toBeDefined();
  });

  it('is lost at the next renewal when another run took it, and that run is named and keeps it', async () => {
    const held = await holdLease(ctx, watch);
    const other = { holderIdentity: 'ann@elsewhere/1', acquireTime: '2026-01-01T00:00:00.000000Z' };
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), ...other } });
    await pass(12);
    expect((held.lost.reason as BootstrapError).why).toContain(
      'ann@elsewhere/1 has held it since 2026-01-01',
    );
    await held.release();
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('is renewed after the wall clock is set back by an hour', async () => {
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

  it('causes a warning with the reason and no failure when it cannot be released', async () => {
    const held = await holdLease(ctx, watch);
    cluster.sandbox.faults.plan({ kind: 'error', operation: 'delete leases' });
    await held.release();
    expect(lease()).toBeDefined();
    expect(warnings).toEqual([
      expect.stringMatching(/Could not release .*injected this failure.*It expires in 30 s/),
    ]);
  });

  it('is released even if the response to its last renewal was lost', async () => {
    const held = await holdLease(ctx, watch);
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: spec() });
    await held.release();
    expect(lease()).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('is not deleted when another run took it while this one was suspended', async () => {
    const held = await holdLease(ctx, watch);
    const { metadata } = lease() ?? { metadata: { name: '' } };
    cluster.inside.put({ kind: 'Lease', metadata, spec: { ...spec(), holderIdentity: 'ann@elsewhere/1' } });
    await held.release();
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
    expect(warnings).toEqual([]);
  });
});

describe('a run that takes the lease', () => {
  it('is refused and names the holder when another run takes the free lease at the same time', async () => {
    const taken = await Promise.allSettled([holdLease(ctx, watch), holdLease(ctx, watch)]);
    const refused = taken.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({
      code: 'locked',
      why: expect.stringMatching(/@.* has held it since/) as string,
    });
    for (const one of taken) if (one.status === 'fulfilled') await one.value.release();
  });

  it.each(['lost', 'reset', 'error'] as const)(
    'gets it although its creation fails with the fault %s',
    async (kind) => {
      cluster.sandbox.faults.plan({ kind, operation: 'create leases', to: 1 });
      const held = await holdLease(ctx, watch);
      expect(spec().holderIdentity).toMatch(/@.*\/[0-9a-f]{8}$/);
      await pass(30);
      expect(held.lost.aborted).toBe(false);
      await held.release();
      expect(lease()).toBeUndefined();
    },
  );

  it.each(['lost', 'reset', 'error'] as const)(
    'gets a lease without a holder although its update fails with the fault %s',
    async (kind) => {
      leave({ holderIdentity: '', leaseDurationSeconds: 30 });
      cluster.sandbox.faults.plan({ kind, operation: 'update leases', to: 1 });
      const held = await holdLease(ctx, watch);
      await held.release();
      expect(lease()).toBeUndefined();
    },
  );

  it('gives up after three writes without a response', async () => {
    cluster.sandbox.faults.plan({ kind: 'reset', operation: 'create leases' });
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({ code: 'cluster-unreachable' });
    const { calls } = cluster.sandbox.faults;
    expect(calls.filter(({ operation }) => operation === 'create leases')).toHaveLength(3);
    expect(lease()).toBeUndefined();
  });

  it('leaves it to another run that took and renews it while a write got no response', async () => {
    const taken = { holderIdentity: 'ann@elsewhere/1', acquireTime: '2026-01-01T00:00:00.000000Z' };
    cluster.sandbox.faults.plan({ kind: 'reset', operation: 'create leases', to: 1 });
    let isTaken = false;
    cluster.sandbox.faults.onCall(({ operation }) => {
      isTaken ||= operation === 'create leases';
      if (isTaken) leave({ ...taken, renewTime: new Date(ctx.clock.now()).toISOString() });
    });
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({
      code: 'locked',
      why: expect.stringContaining('ann@elsewhere/1 has held it since') as string,
    });
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('waits for a killed run of the same user and host as for any other', async () => {
    const killed = await holdLease(ctx, watch);
    killed.leave();
    const before = ctx.clock.now();
    const held = await holdLease(ctx, watch);
    expect(ctx.clock.now() - before).toBeGreaterThanOrEqual(30_000);
    expect(ctx.clock.now() - before).toBeLessThan(36_000);
    await held.release();
    expect(lease()).toBeUndefined();
  });
});

/** Writes the lease as another run does. */
function leave(spec: object): void {
  const { metadata } = lease() ?? { metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' } };
  cluster.inside.put({ kind: 'Lease', metadata, spec });
}

/** Calls `act` at each read of the lease except the first. */
function atEachRead(act: () => void): void {
  let reads = 0;
  cluster.sandbox.faults.onCall(({ operation }) => {
    if (operation === 'get leases' && (reads += 1) > 1) act();
  });
}

describe('a lease that another run holds', () => {
  const hour = 3_600_000;
  const elsewhere = { holderIdentity: 'ann@elsewhere/1', leaseDurationSeconds: 30 };
  /** @param ahead milliseconds by which the clock of the other run is ahead of the clock of this one */
  const renewed = (ahead: number) => ({
    ...elsewhere,
    renewTime: new Date(ctx.clock.now() + ahead).toISOString(),
  });

  it.each([
    ['correct', 0],
    ['two hours ahead', 2 * hour],
    ['an hour behind', -hour],
  ])(
    'is taken when it does not change for its duration by the local clock, although the clock of its holder is %s',
    async (_, ahead) => {
      leave(renewed(ahead));
      const before = ctx.clock.now();
      const held = await holdLease(ctx, watch);
      expect(ctx.clock.now() - before).toBeGreaterThanOrEqual(30_000);
      expect(ctx.clock.now() - before).toBeLessThan(36_000);
      expect(warnings).toEqual([
        expect.stringMatching(/^ann@elsewhere\/1 has held the lease .*; waiting at most 60 s/),
      ]);
      expect(waits[1]).toBe('ann@elsewhere/1 to release the lease, at most 60 s 2');
      await held.release();
    },
  );

  it.each([
    ['correct', 0],
    ['two hours ahead', 2 * hour],
    ['an hour behind', -hour],
  ])('is left to a run that renews it, although the clock of that run is %s', async (_, ahead) => {
    leave(renewed(ahead));
    let reads = 0;
    atEachRead(() => {
      reads += 1;
      if (reads % 5 === 0) leave(renewed(ahead));
    });
    const before = ctx.clock.now();
    await expect(holdLease(ctx, watch)).rejects.toMatchObject({
      code: 'locked',
      why: expect.stringContaining('ann@elsewhere/1 has held it since') as string,
    });
    expect(ctx.clock.now() - before).toBeGreaterThanOrEqual(60_000);
    expect(ctx.clock.now() - before).toBeLessThan(66_000);
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });

  it('is taken a full duration after its last renewal', async () => {
    leave(renewed(0));
    let reads = 0;
    atEachRead(() => {
      reads += 1;
      if (reads === 10) leave(renewed(0));
    });
    const before = ctx.clock.now();
    const held = await holdLease(ctx, watch);
    expect(ctx.clock.now() - before).toBeGreaterThanOrEqual(50_000);
    expect(ctx.clock.now() - before).toBeLessThan(56_000);
    await held.release();
  });

  it('is not taken earlier because the wall clock is set forward during the wait', async () => {
    leave(renewed(0));
    const { clock } = ctx;
    let offset = 0;
    let sleptMs = 0;
    const unsteady = {
      ...clock,
      now: () => clock.now() + offset,
      sleep: async (milliseconds: number, signal?: AbortSignal) => {
        offset += hour;
        sleptMs += milliseconds;
        await clock.sleep(milliseconds, signal);
      },
    };
    const held = await holdLease({ ...ctx, clock: unsteady }, watch);
    expect(sleptMs).toBeGreaterThanOrEqual(30_000);
    await held.release();
  });

  it('is taken as soon as it is released', async () => {
    leave(renewed(0));
    atEachRead(() => cluster.inside.delete('Lease', 'ecr-bootstrap', 'kube-system'));
    const before = ctx.clock.now();
    const held = await holdLease(ctx, watch);
    expect(ctx.clock.now() - before).toBeLessThan(5_000);
    await held.release();
  });

  it('is waited for until Ctrl-C at the latest, and is not changed', async () => {
    leave(renewed(0));
    const reason = new Error('stopped');
    atEachRead(() => interrupt.abort(reason));
    await expect(holdLease(ctx, watch)).rejects.toBe(reason);
    expect(spec().holderIdentity).toBe('ann@elsewhere/1');
  });
});
