import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, referenceInEcr, namespace, secretValue, succeed } from './site.ts';

const lifetimeSeconds = 30;
const always = (name: string, image: string) => ({
  containers: [{ name, image, imagePullPolicy: 'Always' }],
});

describe('pull tokens with a lifetime of less than a minute', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { cluster, configure, setTokenLifetime } = await world;
    await cluster.apply(namespace('rotation'));
    await configure({ ...imagesInUse, pullSecret: { renewEvery: '5s', copyEvery: '5s' } });
    await setTokenLifetime(lifetimeSeconds);
    await succeed(await world, 'up', '--yes');
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'rotation');
    await (await world).cluster.remove('namespace', 'left-behind');
    const { configure, setTokenLifetime } = await world;
    await setTokenLifetime(12 * 3600);
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  it('let pods pull at any time across several renewals, and the registry rejects expired tokens', async () => {
    const { startPod, advanceTime } = await world;
    const image = referenceInEcr(await world, 'nginx:1.28');
    const tokens = new Set<string | undefined>();
    for (let moment = 0; moment < 5; moment += 1) {
      tokens.add(await secretValue(await world, 'rotation', 'puller', '.dockerconfigjson'));
      const name = `at-${moment}`;
      expect(await startPod('rotation', name, image, always('main', image))).toBe('Running');
      await advanceTime(lifetimeSeconds / 3 + moment);
    }
    expect(tokens.size).toBeGreaterThan(2);

    const [first] = tokens;
    await (
      await world
    ).cluster.apply(namespace('left-behind'), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'left-behind', name: 'first-token' },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': first },
    });
    const withFirst = { ...always('main', image), imagePullSecrets: [{ name: 'first-token' }] };
    expect(await startPod('left-behind', 'late', image, withFirst)).toMatch(/expired|401|403/);
  });
});
