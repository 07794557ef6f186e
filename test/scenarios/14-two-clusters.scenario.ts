import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import {
  expectHealthy,
  health,
  imagesInUse,
  namespace,
  planned,
  referenceInEcr,
  secretValue,
  succeed,
  unwrap,
  waitForWorkloads,
} from './site.ts';
import type { World } from './world.ts';

const lifetimeSeconds = 30;
const image = 'nginx:1.28';
/** Neither cluster uses it. */
const mirrored = { repository: 'registry.k8s.io/coredns/coredns', tag: 'v1.12.1' };

const keyOf = (world: World) => secretValue(world, 'external-secrets', 'image-puller', 'AWS_ACCESS_KEY_ID');
const tokenIn = (world: World, where: string) => secretValue(world, where, 'puller', '.dockerconfigjson');

/** Creates a namespace and starts a pod that must contact the registry. @returns how the start ended */
async function pullIn(world: World, where: string): Promise<string> {
  await world.cluster.apply(namespace(where));
  const source = referenceInEcr(world, image);
  return world.startPod(where, 'pulled', source, alwaysPulling(source));
}

describe('two clusters of one project', () => {
  const world = openWorld();
  let second: World;

  beforeAll(async () => {
    const { configure, setTokenLifetime, startSecondCluster } = await world;
    await configure({ ...imagesInUse, pullSecret: { renewEvery: '10s', copyEvery: '5s' } });
    await setTokenLifetime(lifetimeSeconds);
    await succeed(await world, 'up', '--yes');
    await waitForWorkloads(await world);
    second = await startSecondCluster();
    await succeed(second, 'up', '--yes');
  });

  /** Whether ECR has the image that neither cluster uses. */
  async function hasMirrored(): Promise<boolean> {
    const { aws, project } = await world;
    const command = new DescribeImagesCommand({ repositoryName: `${project}/${mirrored.repository}` });
    const { imageDetails = [] } = await aws.ecr.send(command);
    return imageDetails.some(({ imageTags = [] }) => imageTags.includes(mirrored.tag));
  }

  restoreAfterAll(async () => {
    const { configure, setTokenLifetime, stopSecondCluster } = await world;
    // This also unregisters the cluster, so later rotations do not wait for it.
    await succeed(second, 'down', '--yes');
    await stopSecondCluster();
    await setTokenLifetime(12 * 3600);
    await configure(imagesInUse);
  });

  it('know what the other one copied after up, until which status warns that the list is outdated', async () => {
    await succeed(second, 'mirror', `${mirrored.repository}:${mirrored.tag}`);
    const { findings } = await expectHealthy(await world);
    expect(findings).toContain('image-list-outdated');
    for (const change of await planned(await world)) {
      expect(change).toMatch(/^(create|update) ConfigMap external-secrets\/image-list/);
    }
    await succeed(await world, 'up', '--yes');
    expect((await health(await world)).findings).not.toContain('image-list-outdated');
  });

  it('are both healthy, with the same images and one access key', async () => {
    for (const each of [await world, second]) {
      await expectHealthy(each);
      expect(await planned(each)).toEqual([]);
    }
    expect(await keyOf(second)).toBe(await keyOf(await world));
    expect(await pullIn(second, 'of-the-second')).toBe('Running');
  });

  it('keep the images of each other when unused ones are deleted', async () => {
    const { run, writeFile } = await world;
    // Nothing uses the mirrored image, except that the second cluster's list names it.
    const prune = ['images', '--prune', '--older-than', '1s', '--yes'] as const;
    await (await world).advanceTime(2);
    const without = await run(...prune);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('--keep');

    const { stdout } = await succeed(second, 'images', '-q');
    await writeFile('kept.txt', `${stdout}${mirrored.repository}:${mirrored.tag}\n`);
    await succeed(await world, ...prune, '--keep', 'kept.txt');
    expect(await hasMirrored()).toBe(true);
    expect(await pullIn(second, 'kept')).toBe('Running');

    await writeFile('kept.txt', stdout);
    await succeed(await world, ...prune, '--keep', 'kept.txt');
    expect(await hasMirrored()).toBe(false);
    expect(await pullIn(second, 'still-kept')).toBe('Running');
  });

  it('share a rotated key after up in the other cluster, and the old key stays enabled until then', async () => {
    const before = await keyOf(second);
    // Both clusters use the key every few seconds, so AWS's last-used date cannot distinguish them. Their
    // registrations can.
    const { stdout } = await succeed(await world, 'rotate', '--yes');
    expect(unwrap(stdout)).toContain(`access key ${before} stays enabled`);
    await succeed(second, 'up', '--yes');
    expect(await keyOf(second)).not.toBe(before);
    expect(await keyOf(second)).toBe(await keyOf(await world));
    expect(await pullIn(second, 'rotated')).toBe('Running');
  });

  it('share a key replaced by rotate --force only after up in the other cluster, which cannot pull until then', async () => {
    const before = await keyOf(second);
    const { stdout } = await succeed(await world, 'rotate', '--force', '--yes');
    expect(unwrap(stdout)).toMatch(/Run `ecr-bootstrap up` for cluster .*: it cannot pull until then/);
    expect(await keyOf(second)).toBe(before);
    expect((await health(second)).code).toBe(3);
    await succeed(second, 'up', '--yes');
    expect(await keyOf(second)).toBe(await keyOf(await world));
    expect(await pullIn(second, 'leaked')).toBe('Running');
    await expectHealthy(second);
  });

  it('are independent: after down in one, the other still gets new tokens', async () => {
    const { advanceTime } = await world;
    await succeed(await world, 'down', '--yes');
    const token = await tokenIn(second, 'of-the-second');
    await advanceTime(lifetimeSeconds + 5);
    expect(await tokenIn(second, 'of-the-second')).not.toBe(token);
    expect(await pullIn(second, 'alone')).toBe('Running');
    await expectHealthy(second);
    expect(await planned(second)).toEqual([]);
  });
});
