import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { deployment, health, imagesInUse, referenceInEcr, namespace, waitForPods, succeed } from './site.ts';
import { waitFor } from './wait.ts';

describe('a new namespace', () => {
  const world = openWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'just-born');
    await (await world).cluster.remove('namespace', 'uncovered');
  });

  it.runIf(can('serve admission policies'))(
    'runs a pod that is created in the same second and whose spec has no pull secret',
    async () => {
      const image = referenceInEcr(await world, 'nginx:1.28');
      const first = deployment({ namespace: 'just-born', name: 'first', image });
      await (await world).cluster.apply(namespace('just-born'), first);
      await waitForPods(await world, 'just-born');
    },
  );

  describe.runIf(can('restart the API server'))(
    'on an API server without mutating admission policies',
    () => {
      beforeAll(async () => {
        const { cluster, serveAdmissionPolicies } = await world;
        await serveAdmissionPolicies(false);
        await cluster.apply(namespace('uncovered'));
        // A controller creates it, and has to reconnect to the restarted API server first.
        await waitFor('its service account', () => cluster.get('serviceaccount', 'default', 'uncovered'));
      });

      restoreAfterAll(async () => {
        await (await world).serveAdmissionPolicies(true);
        await succeed(await world, 'up', '--yes');
      });

      it('has its service account reported as drift by status and repaired by up', async () => {
        const { drift } = await health(await world);
        expect(drift).toContain('update ServiceAccount uncovered/default');
        await succeed(await world, 'up', '--yes');
        expect(
          await (await world).startPod('uncovered', 'first', referenceInEcr(await world, 'nginx:1.28')),
        ).toBe('Running');
      });
    },
  );
});
