import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { health, imagesInUse, succeed } from './site.ts';
import type { ServiceAccount } from './site.ts';

/** As `kubeadm upgrade` writes it each time. */
const coredns = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'coredns', namespace: 'kube-system' },
};

describe('a service account that kubeadm overwrites', () => {
  const world = openWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await (await world).cluster.apply(coredns);
    await succeed(await world, 'up', '--yes');
  });

  it('keeps its pull secret while the admission policy exists', async () => {
    const { cluster } = await world;
    await cluster.replace(coredns);
    const after = await cluster.get<ServiceAccount>('serviceaccount', 'coredns', 'kube-system');
    expect(after?.imagePullSecrets).toEqual([{ name: 'puller' }]);
  });

  describe.runIf(can('restart the API server'))('without the admission policy', () => {
    beforeAll(async () => {
      await (await world).serveAdmissionPolicies(false);
      await (await world).cluster.replace(coredns);
    });

    restoreAfterAll(async () => {
      await (await world).serveAdmissionPolicies(true);
      await succeed(await world, 'up', '--yes');
    });

    it('is reported as drift by status', async () => {
      expect((await health(await world)).drift).toContain('update ServiceAccount kube-system/coredns');
    });
  });
});
