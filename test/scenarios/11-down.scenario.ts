import { beforeAll, describe, expect, it } from 'vitest';

import { snapshotObjects } from './cluster-objects.ts';
import { openWorld, restoreAfterAll } from './open-world.ts';
import { expectHealthy, imagesInUse, restoreWorkloads, succeed } from './site.ts';
import { waitFor } from './wait.ts';

const everything = ['down', '--yes', '--aws', '--delete-images', '--delete-secrets'];
const operators = ['external-secrets', 'external-secrets-webhook', 'external-secrets-cert-controller'];

/** A service account that already has another pull secret. */
const partner = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'partner', namespace: 'shop' },
  imagePullSecrets: [{ name: 'of-the-partner' }],
};

describe('down', () => {
  const world = openWorld();
  let before: Awaited<ReturnType<typeof snapshotObjects>>;

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await restoreWorkloads(await world);
    await (await world).reset();
    await (await world).cluster.apply(partner);
    before = await snapshotObjects(await world);
    await succeed(await world, 'up', '--yes');
    expect(await snapshotObjects(await world)).not.toEqual(before);
    await succeed(await world, ...everything);
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('serviceaccount', 'partner', 'shop');
    await (await world).reset();
    await succeed(await world, 'up', '--yes');
  });

  it('leaves the cluster as it was before up', async () => {
    expect(await snapshotObjects(await world)).toEqual(before);
  });

  it('leaves only unmanaged resources in the account, and secrets that are scheduled for deletion', async () => {
    const left = await (await world).describeAccount();
    expect(left.filter((line) => !/^user admin,|^secret image-puller-\S+, to be deleted/.test(line))).toEqual(
      [],
    );
  });

  it('can be followed by up', async () => {
    await succeed(await world, 'up', '--yes');
    await expectHealthy(await world);
  });

  it("succeeds when the operator's webhook is unreachable", async () => {
    const { cluster } = await world;
    const stop = [{ op: 'replace', path: '/spec/replicas', value: 0 }];
    for (const name of operators) await cluster.patch('deployment', name, 'external-secrets', stop);
    await waitFor(
      'no pods',
      async () => (await cluster.list('pods', 'external-secrets')).length === 0 || undefined,
    );
    await succeed(await world, 'down', '--yes');
    expect(await snapshotObjects(await world)).toEqual(before);
  });
});
