import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld } from './open-world.ts';
import {
  expectHealthy,
  imagesInUse,
  planned,
  restoreWorkloads,
  secretValue,
  succeed,
  useImagesInEcr,
  workloads,
} from './site.ts';
import type { Pod, ServiceAccount } from './site.ts';
import type { KubeObject } from './world.ts';

interface ExternalSecret extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

describe('up on an empty account and a cluster with workloads', () => {
  const world = openWorld({ untouched: true });

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await restoreWorkloads(await world);
    await succeed(await world, 'up', '--yes');
  });

  it.runIf(can('install the operator'))(
    'pulls the three operator pods from ECR with the bootstrap pull secret',
    async () => {
      const { cluster, registry, project } = await world;
      const pods = await cluster.list<Pod>('pods', 'external-secrets');
      expect(pods.map(({ status }) => status.phase)).toEqual(['Running', 'Running', 'Running']);
      for (const { spec } of pods) {
        expect(spec.containers.map(({ image }) => image)).toEqual([
          `${registry}/${project}/external-secrets:v0.12.1`,
        ]);
        expect(spec.imagePullSecrets).toContainEqual({ name: 'puller' });
      }
    },
  );

  it('syncs every ExternalSecret', async () => {
    const all = await (await world).cluster.list<ExternalSecret>('externalsecrets');
    const ready = all.filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    expect(ready).toHaveLength(all.length);
    expect(all.length).toBeGreaterThan(workloads.length);
  });

  it('gives every namespace a puller secret issued by the operator', async () => {
    const { cluster, now } = await world;
    for (const { metadata } of await cluster.list('namespaces')) {
      const secret = await cluster.get('secret', 'puller', metadata.name);
      const label = secret?.metadata.labels?.['reconcile.external-secrets.io/managed'];
      expect(label, `in ${metadata.name}`).toBe('true');
      expect(Number(await secretValue(await world, metadata.name, 'puller', 'expires_at'))).toBeGreaterThan(
        now() / 1000,
      );
    }
  });

  it('makes every service account use the pull secret', async () => {
    const accounts = await (await world).cluster.list<ServiceAccount>('serviceaccounts');
    const without = accounts.filter(
      ({ imagePullSecrets }) => imagePullSecrets?.some(({ name }) => name === 'puller') !== true,
    );
    expect(without.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([]);
  });

  it('lets workloads run once they reference their images in ECR', async () => {
    await useImagesInEcr(await world);
  });

  it('makes status report a healthy cluster without drift', async () => {
    const { drift } = await expectHealthy(await world);
    expect(drift).toEqual([]);
  });

  it('plans nothing on a second run', async () => {
    expect(await planned(await world)).toEqual([]);
    await succeed(await world, 'up', '--yes');
  });
});
