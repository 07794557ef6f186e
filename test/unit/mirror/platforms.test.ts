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
/** A new image of three platforms with attestations, under a name of its own. */
const seed = (): { name: string; repository: string; image: SeededImage } => {
  const name = `app-${(count += 1)}`;
  const platforms = [amd64, arm64, s390x];
  const image = world.source('registry.k8s.io').seed(name, '1', { platforms, attestations: true });
  return { name: `registry.k8s.io/${name}:1`, repository: `myproject/registry.k8s.io/${name}`, image };
};
/** The digests of what the tag's index refers to in the ECR; none for a single image. */
const childrenOf = (repository: string): string[] => {
  const manifest = world.held(repository).manifest('1');
  const { manifests = [] } = JSON.parse(String(manifest?.bytes)) as { manifests?: { digest: string }[] };
  return manifests.map(({ digest }) => digest);
};

describe('which platforms are copied', () => {
  test('all: the source as it is, with its digest and attestations', async () => {
    const { name, repository, image } = seed();
    const [result] = await world.copy([name]);
    expect(result).toMatchObject({ state: 'copied', content: 'whole', targetDigest: image.digest });
    expect(result?.platforms).toEqual([amd64, arm64, s390x]);
    expect(childrenOf(repository)).toHaveLength(6);
  });

  test('one: its image under the tag itself', async () => {
    const { name, image } = seed();
    const [result] = await world.copy([name], { platforms: [arm64] });
    expect(result).toMatchObject({
      content: 'platform',
      platforms: [arm64],
      targetDigest: image.platforms[arm64],
    });
    expect(result?.sourceDigest).toBe(image.digest);
  });

  test('several: an index of these only', async () => {
    const { name, repository, image } = seed();
    const [result] = await world.copy([name], { platforms: [amd64, arm64] });
    expect(result).toMatchObject({ content: 'reduced', platforms: [amd64, arm64] });
    expect(childrenOf(repository)).toEqual([image.platforms[amd64], image.platforms[arm64]]);
  });

  test('a reference by digest: everything, whatever is wanted', async () => {
    const { name, image } = seed();
    const [result] = await world.copy([`${name}@${image.digest}`], { platforms: [amd64] });
    expect(result).toMatchObject({ content: 'whole', targetDigest: image.digest });
  });

  test('one that the source does not have is an error that names those it has', async () => {
    const { name } = seed();
    const [result] = await world.copy([name], { platforms: ['linux/riscv64'] });
    expect(result?.error).toMatchObject({ code: 'image-platform-missing' });
    expect(result?.error?.why).toContain('linux/amd64, linux/arm64, linux/s390x');
  });

  test('an image without index is copied when its config tells the platform, and refused else', async () => {
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

  test('when the ECR has more than is wanted', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64, arm64] });
    expect((await world.copy([name], { platforms: [amd64] }))[0]?.state).toBe('current');
  });

  test('not when the ECR has less', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64] });
    expect((await world.copy([name], { platforms: [amd64, arm64] }))[0]?.state).toBe('moved');
  });

  test('not when it moved; without clobbering it is kept', async () => {
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

describe('presence asks only the ECR', () => {
  test('and tells digests and missing platforms', async () => {
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

  test('reads a config that is not in the cache from the ECR', async () => {
    const { name } = seed();
    await world.copy([name], { platforms: [amd64] });
    world.forget();
    world.operations();
    const [presence] = await world.mirror().presence([wanted(name)], [amd64]);
    expect(presence?.missingPlatforms).toEqual([]);
    expect(world.operations()).toEqual(['registry GetBlob']);
  });
});

test('an immutable tag with the same digest is a success', async () => {
  const { name, repository } = seed();
  await world.copy([name]);
  Object.assign(world.held(repository), { tagMutability: 'IMMUTABLE' });
  expect((await world.copy([name]))[0]?.state).toBe('current');
  world.source('registry.k8s.io').seed(name.slice(16, -2), '1', { base: ['other'] });
  const [refused] = await world.copy([name]);
  expect(refused).toMatchObject({ state: 'failed' });
  expect(refused?.error?.hint).toContain('immutable');
});
