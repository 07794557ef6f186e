import { beforeAll, describe, expect, it } from 'vitest';

import { photograph } from './census.ts';
import { enterWorld, tidyUp } from './enter.ts';
import { health, imagesInUse, settle, succeed } from './site.ts';
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
  const world = enterWorld();
  let before: Awaited<ReturnType<typeof photograph>>;

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await settle(await world);
    await (await world).startOver();
    await (await world).cluster.apply(partner);
    before = await photograph(await world);
    await succeed(await world, 'up', '--yes');
    expect(await photograph(await world)).not.toEqual(before);
    await succeed(await world, ...everything);
  });

  tidyUp(async () => {
    await (await world).cluster.remove('serviceaccount', 'partner', 'shop');
    await (await world).startOver();
    await succeed(await world, 'up', '--yes');
  });

  it('leaves the cluster as it was before up', async () => {
    expect(await photograph(await world)).toEqual(before);
  });

  it('leaves only unmanaged resources in the account, and secrets that are scheduled for deletion', async () => {
    const left = await (await world).account();
    expect(left.filter((line) => !/^user admin,|^secret image-puller-\S+, to be deleted/.test(line))).toEqual(
      [],
    );
  });

  it('can be followed by up', async () => {
    await succeed(await world, 'up', '--yes');
    expect((await health(await world)).code).toBe(0);
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
    expect(await photograph(await world)).toEqual(before);
  });
});
