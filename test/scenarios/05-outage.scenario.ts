import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { enterWorld } from './enter.ts';
import { health, imagesInUse, succeed } from './site.ts';
import { waitFor } from './wait.ts';

const renewEvery = 10;

describe('an outage of AWS', () => {
  const world = enterWorld();

  beforeAll(async () => {
    await (
      await world
    ).configure({ ...imagesInUse, pullSecret: { renewEvery: `${renewEvery}s`, copyEvery: '5s' } });
    await succeed(await world, 'up', '--yes');
  });

  afterAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  test('of two intervals breaks nothing, is told by status, and heals by itself', async () => {
    const { breakAws, cluster, pass, run } = await world;
    const before = await cluster.get('secret', 'puller', 'shop');
    const mend = await breakAws();
    try {
      await pass(2 * renewEvery);
      const { code, stdout } = await run('status');
      expect(code, stdout).toBe(3);
      expect(stdout).toMatch(/puller.*1[12]h/s);
      expect(await cluster.get('secret', 'puller', 'shop')).toMatchObject({
        metadata: { name: before?.metadata.name },
      });
    } finally {
      await mend();
    }
    await waitFor('health', async () => (await health(await world)).code === 0 || undefined, 120);
  });
});
