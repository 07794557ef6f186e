import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, namespace, referenceInEcr, succeed, unwrap, waitForHealth } from './site.ts';
import type { CommandResult } from './world.ts';

const renewEvery = 10;

describe('an AWS outage that lasts two renewal intervals', () => {
  const world = openWorld();
  let during: CommandResult;

  beforeAll(async () => {
    const { breakAws, cluster, configure, advanceTime, run } = await world;
    await configure({ ...imagesInUse, pullSecret: { renewEvery: `${renewEvery}s`, copyEvery: '5s' } });
    await succeed(await world, 'up', '--yes');
    const restoreAws = await breakAws();
    await advanceTime(2 * renewEvery);
    during = await run('status');
    await cluster.apply(namespace('outage'));
    await restoreAws();
  });

  restoreAfterAll(async () => {
    const { cluster, configure } = await world;
    await cluster.remove('namespace', 'outage');
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  it('is reported by status during the outage', () => {
    expect(during.code).toBe(3);
    expect(unwrap(during.stdout)).toMatch(/ExternalSecret external-secrets\/puller is not synced/);
  });

  it('makes status show for how many hours pulls keep working', () => {
    expect(during.stdout).toMatch(/\b1[12]\s?h/);
  });

  it('does not stop pulls, even in a namespace created during the outage', async () => {
    const { startPod } = await world;
    expect(await startPod('outage', 'after', referenceInEcr(await world, 'redis:8'))).toBe('Running');
  });

  it('needs no action: the cluster becomes healthy again by itself', async () => {
    await waitForHealth(await world, 120);
  });
});
