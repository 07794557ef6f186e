import { beforeAll, describe, expect, it } from 'vitest';

import { can, enterWorld, tidyUp } from './enter.ts';
import { deployment, imagesInUse, mirrored, nameAsMirrored, namespace, podsRun, succeed } from './site.ts';

describe.runIf(can('DNS log'))('a cluster that pulls only from ECR', () => {
  const world = enterWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    // Until then their pods keep requesting images from the internet.
    await nameAsMirrored(await world);
  });

  tidyUp(async () => {
    await (await world).cluster.remove('namespace', 'air-gap');
  });

  it('resolves no DNS names except those of AWS and the cluster', async () => {
    const { cluster, namesAsked } = await world;
    const before = (await namesAsked()).length;
    await succeed(await world, 'up', '--yes');
    const image = mirrored(await world, 'nginx:1.28');
    await cluster.apply(namespace('air-gap'), deployment({ namespace: 'air-gap', name: 'web', image }));
    await podsRun(await world, 'air-gap');

    const asked = new Set((await namesAsked()).slice(before));
    expect(asked.size).toBeGreaterThan(0);
    expect([...asked].filter((name) => !/\.(amazonaws\.com|cluster\.local)$/.test(name))).toEqual([]);
  });
});
