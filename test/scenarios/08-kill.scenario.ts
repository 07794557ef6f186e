import { CreateAccessKeyCommand, DeleteAccessKeyCommand, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { enterWorld } from './enter.ts';
import { health, imagesInUse, planned, succeed } from './site.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

const UserName = 'image-puller';
/** Milliseconds from the start: the whole repair takes about ten seconds. */
const moments = [900, 1500, 2100, 3000, 4500];

async function keysOf({ aws }: World): Promise<readonly string[]> {
  const { AccessKeyMetadata = [] } = await aws.iam.send(new ListAccessKeysCommand({ UserName }));
  return AccessKeyMetadata.map(({ AccessKeyId = '' }) => AccessKeyId);
}

async function deleteKeys(world: World): Promise<void> {
  for (const AccessKeyId of await keysOf(world)) {
    await world.aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  }
}

describe('up, ended by SIGKILL', () => {
  const world = enterWorld();

  beforeAll(async () => {
    await (await world).configure({ ...imagesInUse, pullSecret: { renewEvery: '5s', copyEvery: '5s' } });
    await succeed(await world, 'up', '--yes');
  });

  afterAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  test.each(moments)('after %i ms of a repair is made good by the next one', async (after) => {
    await deleteKeys(await world);
    await (await world).cluster.remove('clusterexternalsecret', 'puller');
    await (await world).runAndKill(after, 'up', '--yes');
    await succeed(await world, 'up', '--yes');
    expect(await keysOf(await world)).toHaveLength(1);
    expect(await planned(await world)).toEqual([]);
  });

  test('between the writes of the three secrets leaves a torn pair, which the next one repairs', async () => {
    const { aws } = await world;
    const { AccessKey } = await aws.iam.send(new CreateAccessKeyCommand({ UserName }));
    const half = { SecretId: `${UserName}-AWS_SECRET_ACCESS_KEY`, SecretString: AccessKey?.SecretAccessKey };
    await aws.secrets.send(new PutSecretValueCommand(half));
    await waitFor(
      'the operator to be locked out',
      async () => (await health(await world)).code === 3 || undefined,
    );
    await aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: AccessKey?.AccessKeyId }));

    await succeed(await world, 'up', '--yes');
    expect(await keysOf(await world)).toHaveLength(1);
    expect((await health(await world)).code).toBe(0);
  });
});
