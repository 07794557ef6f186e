import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import {
  expectHealthy,
  health,
  imagesInUse,
  secretValue,
  succeed,
  useImagesInEcr,
  waitForPods,
} from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject, World } from './world.ts';

interface StuckPod extends KubeObject {
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly state: { readonly waiting?: { readonly reason: string } };
    }[];
  };
}

const lifetimeSeconds = 20;
const year = 365 * 24 * 3600;
const namespaces = ['external-secrets', 'shop', 'monitoring'];

async function scale({ cluster }: World, replicas: number): Promise<void> {
  for (const space of namespaces) {
    for (const { metadata } of await cluster.list('deployments', space)) {
      const change = [{ op: 'replace', path: '/spec/replicas', value: replicas }];
      await cluster.patch('deployment', metadata.name, space, change);
    }
  }
}

const podsOf = async ({ cluster }: World) =>
  (await Promise.all(namespaces.map((space) => cluster.list<StuckPod>('pods', space)))).flat();

/** Waits until every namespace has a short-lived token, then until these tokens expire. */
async function waitUntilTokensExpire(world: World): Promise<void> {
  for (const space of namespaces) {
    await waitFor(`a short-lived token in ${space}`, async () => {
      const expires = Number(await secretValue(world, space, 'puller', 'expires_at'));
      return expires < world.now() / 1000 + lifetimeSeconds + 5 || undefined;
    });
  }
  await scale(world, 0);
  await waitFor('no pods', async () => (await podsOf(world)).length === 0 || undefined);
  await world.advanceTime(lifetimeSeconds + 5);
  await world.removeNodeImages();
}

describe('a cluster that was off for longer than its tokens are valid', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { configure, setTokenLifetime } = await world;
    await configure({ ...imagesInUse, pullSecret: { renewEvery: '5s', copyEvery: '5s' } });
    await setTokenLifetime(lifetimeSeconds);
    await succeed(await world, 'up', '--yes');
    await useImagesInEcr(await world);
    await waitUntilTokensExpire(await world);
    await setTokenLifetime(year);
  });

  restoreAfterAll(async () => {
    const { configure, setTokenLifetime } = await world;
    await setTokenLifetime(12 * 3600);
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  it('cannot pull by itself, and recovers after up', async () => {
    await scale(await world, 1);
    await waitFor('all pods to be stuck', async () => {
      const pods = await podsOf(await world);
      const reasons = pods.map(({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason ?? '');
      return (reasons.length > 0 && reasons.every((reason) => /ImagePull/.test(reason))) || undefined;
    });
    expect((await health(await world)).code).toBe(3);

    await succeed(await world, 'up', '--yes');
    for (const space of namespaces) await waitForPods(await world, space, 120);
    await expectHealthy(await world);
  });
});
