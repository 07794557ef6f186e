import { DeleteAccessKeyCommand, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, test } from 'vitest';

import { enterWorld, tidyUp } from './enter.ts';
import { health, imagesInUse, mirrored, namespace, succeed } from './site.ts';

const UserName = 'image-puller';

describe("image-puller's access key, deleted behind our back", () => {
  const world = enterWorld();

  beforeAll(async () => {
    const { aws, cluster, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    await cluster.apply(namespace('key'));
    const { AccessKeyMetadata = [] } = await aws.iam.send(new ListAccessKeysCommand({ UserName }));
    for (const { AccessKeyId } of AccessKeyMetadata) {
      await aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    }
  });

  tidyUp(async () => {
    await (await world).cluster.remove('namespace', 'key');
  });

  test('is told by status and replaced by up, after which pods are pulled', async () => {
    const { code, drift, findings } = await health(await world);
    expect(code).toBe(3);
    expect([...drift, ...findings]).not.toEqual([]);

    await succeed(await world, 'up', '--yes');
    expect((await health(await world)).code).toBe(0);
    const image = mirrored(await world, 'redis:8');
    const always = { containers: [{ name: 'main', image, imagePullPolicy: 'Always' }] };
    expect(await (await world).startPod('key', 'after', image, always)).toBe('Running');
  });
});
