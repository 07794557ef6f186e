import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import { imagesInUse, referenceInEcr, useImagesInEcr, namespace, succeed } from './site.ts';

describe.runIf(can('DNS log'))('a cluster that pulls only from ECR', () => {
  const world = openWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    // Until then their pods keep requesting images from the internet.
    await useImagesInEcr(await world);
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'air-gap');
  });

  it('resolves no DNS names except those of AWS and the cluster', async () => {
    const { cluster, requestedNames, startPod } = await world;
    const before = (await requestedNames()).length;
    await succeed(await world, 'up', '--yes');
    await cluster.apply(namespace('air-gap'));
    // Otherwise the kubelet starts what an earlier scenario pulled with the same token, without a request.
    const image = referenceInEcr(await world, 'nginx:1.28');
    expect(await startPod('air-gap', 'web', image, alwaysPulling(image))).toBe('Running');

    const asked = new Set((await requestedNames()).slice(before));
    expect(asked.size).toBeGreaterThan(0);
    expect([...asked].filter((name) => !/\.(amazonaws\.com|cluster\.local)$/.test(name))).toEqual([]);
  });
});
