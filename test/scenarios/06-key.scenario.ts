import { DeleteAccessKeyCommand, ListAccessKeysCommand, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import {
  expectHealthy,
  health,
  imagesInUse,
  namespace,
  referenceInEcr,
  secretValue,
  succeed,
} from './site.ts';
import type { World } from './world.ts';

const UserName = 'image-puller';

const keysOf = async ({ aws }: World) =>
  (await aws.iam.send(new ListAccessKeysCommand({ UserName }))).AccessKeyMetadata ?? [];

/** Starts a pod that must contact the registry. @returns how the start ended */
function pull(world: World, where: string, name: string): Promise<string> {
  const image = referenceInEcr(world, 'redis:8');
  return world.startPod(where, name, image, alwaysPulling(image));
}

describe('an image-puller access key that was deleted outside ecr-bootstrap', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { aws, cluster, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    await cluster.apply(namespace('key'));
    for (const { AccessKeyId } of await keysOf(await world)) {
      await aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    }
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'key');
  });

  it('is reported by status and replaced by up, and pods can pull again', async () => {
    const { code, drift, findings } = await health(await world);
    expect(code).toBe(3);
    expect([...drift, ...findings]).not.toEqual([]);

    await succeed(await world, 'up', '--yes');
    await expectHealthy(await world);
    expect(await pull(await world, 'key', 'after')).toBe('Running');
  });
});

describe('a leaked image-puller access key', () => {
  const world = openWorld();
  const inCluster = async () =>
    secretValue(await world, 'external-secrets', 'image-puller', 'AWS_ACCESS_KEY_ID');

  beforeAll(async () => {
    const { cluster, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    await cluster.apply(namespace('leak'));
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'leak');
  });

  it('is replaced by rotate --force, and pods can pull again', async () => {
    const [leaked] = await keysOf(await world);
    await succeed(await world, 'rotate', '--force', '--yes');
    const keys = await keysOf(await world);
    expect(keys).toMatchObject([{ Status: 'Active' }]);
    expect(keys[0]?.AccessKeyId).not.toBe(leaked?.AccessKeyId);
    expect(await inCluster()).toBe(keys[0]?.AccessKeyId);
    expect(await pull(await world, 'leak', 'after-force')).toBe('Running');
    await expectHealthy(await world);
  });

  it('is reported by status after it is disabled, and replaced by up', async () => {
    const [disabled] = await keysOf(await world);
    const { iam } = (await world).aws;
    const { AccessKeyId } = disabled ?? {};
    await iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: 'Inactive' }));
    const { code, findings } = await health(await world);
    expect(code).toBe(3);
    expect(findings).toContain('key-disabled');

    await succeed(await world, 'up', '--yes');
    expect(await inCluster()).not.toBe(AccessKeyId);
    expect(await pull(await world, 'leak', 'after-up')).toBe('Running');
  });
});
