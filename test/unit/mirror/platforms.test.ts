import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SeededImage } from '../../../sandbox/registry/image.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

const [amd64, arm64, s390x] = ['linux/amd64', 'linux/arm64', 'linux/s390x'] as const;

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

let count = 0;
/** A new image with three platforms and attestations, under a unique name. */
const seed = (): { name: string; repository: string; image: SeededImage } => {
  const name = `app-${(count += 1)}`;
  const platforms = [amd64, arm64, s390x];
  const image = world.source('registry.k8s.io').seed(name, '1', { platforms, attestations: true });
  return { name: `registry.k8s.io/${name}:1`, repository: `myproject/registry.k8s.io/${name}`, image };
};
/** The digests that the tag's index references in ECR; none for a single image. */
const childrenOf = (repository: string): string[] => {
  const manifest = world.held(repository).manifest('1');
  const { manifests = [] } = JSON.parse(String(manifest?.bytes)) as { manifests?: { digest: string }[] };
  return manifests.map(({ digest }) => digest);
};

describe('the copied platforms', () => {
  test('all: the unchanged source, with its digest and attestations', async () => {
    const { name, repository, image } = seed();
    const [result] = await world.copy([name]);
    expect(result).toMatchObject({ state: 'copied', content: 'whole', targetDigest: image.digest });
    expect(result?.platforms).toEqual([amd64, arm64, s390x]);
    expect(childrenOf(repository)).toHaveLength(6);
  });

  test('one: the image of the platform, under the tag itself', async () => {
    const { name, image } = seed();
    const [result] = await world.copy([name], { platforms: [arm64] });
    expect(result).toMatchObject({
      content: 'platform',
      platforms: [arm64],
      targetDigest: image.platforms[arm64],
    });
    expect(result?.sourceDigest).toBe(image.digest);
  });

  test('several: an index of only these platforms', async () => {
    const { name, repository, image } = seed();
    const [result] = await world.copy([name], { platforms: [amd64, arm64] });
    expect(result).toMatchObject({ content: 'reduced', platforms: [amd64, arm64] });
    expect(childrenOf(repository)).toEqual([image.platforms[amd64], image.platforms[arm64]]);
  });

  test('reference by digest: everything, for any desired platforms', async () => {
    const { name, image } = seed();
    const [result] = await world.copy([`${name}@${image.digest}`], { platforms: [amd64] });
    expect(result).toMatchObject({ content: 'whole', targetDigest: image.digest });
  });

  test('missing at the source: an error that lists the available ones', async () => {
    const { name } = seed();
    const [result] = await world.copy([name], { platforms: ['linux/riscv64'] });
    expect(result?.error).toMatchObject({ code: 'image-platform-missing' });
    expect(result?.error?.why).toContain('linux/amd64, linux/arm64, linux/s390x');
  });

  test('no index: copied if the config has the desired platform, otherwise rejected', async () => {
    world.source('quay.io').seed('plain', '1', { platforms: [arm64], schema2: true });
    const [wrong] = await world.copy(['quay.io/plain:1'], { platforms: [amd64] });
    expect(wrong?.error?.code).toBe('image-platform-missing');
    const [right] = await world.copy(['quay.io/plain:1'], { platforms: [arm64] });
    expect(right).toMatchObject({ state: 'copied', content: 'whole', platforms: [arm64] });
  });
});

describe('an image is current', () => {
  test.each([[[amd64]], [[amd64, arm64]], ['all' as const]])('after a copy of %s', async (platforms) => {
    const { name } = seed();
    await world.copy([name], { platforms });
    const [again] = await world.copy([name], { platforms });
    expect(again).toMatchObject({ state: 'current', requests: 2, bytesSent: 0 });
  });

  test('when ECR has more than the desired platforms', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64, arm64] });
    expect((await world.copy([name], { platforms: [amd64] }))[0]?.state).toBe('current');
  });

  test('unless ECR has fewer platforms', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64] });
    expect((await world.copy([name], { platforms: [amd64, arm64] }))[0]?.state).toBe('moved');
  });

  test('unless its tag moved; with noClobber, the old image is kept', async () => {
    world.source('quay.io').seed('moving', '1', { base: ['old'] });
    const [first] = await world.copy(['quay.io/moving:1']);
    world.source('quay.io').seed('moving', '1', { base: ['new'] });
    const [kept] = await world.copy(['quay.io/moving:1'], { noClobber: true });
    expect(kept).toMatchObject({ state: 'kept', targetDigest: first?.targetDigest });
    const [planned] = await world.mirror().plan([wanted('quay.io/moving:1')], world.options());
    expect(planned).toMatchObject({ state: 'would-move', previousDigest: first?.targetDigest });
    const [moved] = await world.copy(['quay.io/moving:1']);
    expect(moved).toMatchObject({ state: 'moved', previousDigest: first?.targetDigest });
  });
});

describe('presence sends requests only to ECR', () => {
  test('and returns digests and missing platforms', async () => {
    const [one, several] = [seed(), seed()];
    await world.copy([one.name], { platforms: [amd64] });
    await world.copy([several.name], { platforms: [amd64, arm64] });
    world.operations();
    const images = [one.name, several.name, 'quay.io/absent:1'].map(wanted);
    const presence = await world.mirror().presence(images, [amd64, s390x]);
    expect(presence.map(({ digest, missingPlatforms }) => [digest !== undefined, missingPlatforms])).toEqual([
      [true, [s390x]],
      [true, [s390x]],
      [false, []],
    ]);
    expect(world.operations()).toEqual([]);
  });

  test('and reads a config that is not in the cache from ECR', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64] });
    world.forget();
    world.operations();
    const [presence] = await world.mirror().presence([wanted(name)], [amd64]);
    expect(presence?.missingPlatforms).toEqual([]);
    expect(world.operations()).toEqual(['registry GetBlob']);
  });
});

test('succeeds for an immutable tag with the same digest', async () => {
  const { name, repository } = seed();
  await world.copy([name]);
  Object.assign(world.held(repository), { tagMutability: 'IMMUTABLE' });
  expect((await world.copy([name]))[0]?.state).toBe('current');
  world.source('registry.k8s.io').seed(name.slice(16, -2), '1', { base: ['other'] });
  const [refused] = await world.copy([name]);
  expect(refused).toMatchObject({ state: 'failed' });
  expect(refused?.error?.hint).toContain('immutable');
});
