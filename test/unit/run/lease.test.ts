import { hostname } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdLease } from '../../../src/run/lease.ts';
import type { Context } from '../../../src/steps/context.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { fastClock } from '../../support/fast-clock.ts';

// Tests of a held lease are in lease.long.ts.

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster.close());

const holder = () =>
  (cluster.inside.get('Lease', 'ecr-bootstrap', 'kube-system')?.['spec'] as { holderIdentity?: string })
    .holderIdentity;

function put(spec: object): void {
  cluster.inside.put({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' },
    spec,
  });
}

/** @returns milliseconds until the lease is held */
async function take(): Promise<number> {
  const { clock } = cluster.sandbox;
  const ctx = { cluster: cluster.port, clock: fastClock(clock) } as unknown as Context;
  const began = clock.now();
  const held = await holdLease(ctx, {
    signal: new AbortController().signal,
    warn: () => undefined,
    waiting: () => undefined,
  });
  const duration = clock.now() - began;
  expect(holder()).toContain(`@${hostname()}/`);
  await held.release();
  return duration;
}

it('takes a free lease at once', async () => {
  // The requests take some time.
  expect(await take()).toBeLessThan(10_000);
});

it('waits longer than the lease duration before it takes the lease of a run on another computer', async () => {
  put({ holderIdentity: 'ann@elsewhere/1f3c9a2b', leaseDurationSeconds: 30 });
  expect(await take()).toBeGreaterThan(30_000);
});

it('leaves a lease to a run on another computer that renews it', async () => {
  const { clock } = cluster.sandbox;
  const lease = { holderIdentity: 'ann@elsewhere/1f3c9a2b', leaseDurationSeconds: 30 };
  put(lease);
  clock.onAdvance(() => put({ ...lease, renewTime: new Date(clock.now()).toISOString() }));
  await expect(take()).rejects.toMatchObject({ code: 'locked' });
  expect(holder()).toBe('ann@elsewhere/1f3c9a2b');
});
