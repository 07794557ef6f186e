import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { countOf, MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
  world.aws.sandbox.aws.registry.settings.set('BLOB_MOUNTING', 'ENABLED');
  world.source('registry.k8s.io').seed('app', '1', { layers: 3 });
  world.source('registry.k8s.io').seed('small', '1', { base: ['b'], layers: 1 });
  world.source('registry.k8s.io').seed('other', '1', { base: ['b'], layers: 1 });
});
afterAll(() => world.close());
beforeEach(() => void world.operations());

describe('the minimum number of requests', () => {
  test('is 3 + 3b for a new image of b blobs', async () => {
    const [result] = await world.copy(['registry.k8s.io/app:1']);
    expect(result).toMatchObject({ state: 'copied', requests: 3 + 3 * 4 });
    expect(countOf(world.operations())).toEqual({
      'registry HeadManifest': 1,
      'source GetManifest': 1,
      'registry StartUpload': 4,
      'source GetBlob': 4,
      'registry FinishUpload': 4,
      'registry PutManifest': 1,
    });
  });

  test('is 2 for a current image', async () => {
    const [result] = await world.copy(['registry.k8s.io/app:1']);
    expect(result).toMatchObject({ state: 'current', requests: 2 });
    expect(world.operations()).toEqual(['registry HeadManifest', 'source HeadManifest']);
  });

  test('includes one upload and one mount for a blob of two repositories', async () => {
    const results = await world.copy(['registry.k8s.io/small:1', 'registry.k8s.io/other:1']);
    expect(results.map(({ state }) => state)).toEqual(['copied', 'copied']);
    const counts = countOf(world.operations());
    expect(counts['source GetBlob']).toBe(5);
    expect(counts['registry FinishUpload']).toBe(5);
    expect(counts['registry StartUpload']).toBe(6);
  });
});

it("puts images at ECR's rate, so that ECR refuses almost none", async () => {
  const { limits } = world.aws.sandbox.aws;
  const images = Array.from({ length: 25 }, (_, number) => wanted(`registry.k8s.io/rate-${number}:1`));
  for (const number of images.keys()) world.source('registry.k8s.io').seed(`rate-${number}`, '1', {});
  world.addRepositories(images);
  limits.perSecond.set('PutImage', 10);
  // The limit of the sandbox counts in real time.
  const results = await world.mirror(systemClock).copy(images, world.options());
  limits.perSecond.clear();
  expect(results.every(({ state }) => state === 'copied')).toBe(true);
  // A busy machine delivers some requests together, which exceeds a burst.
  expect(countOf(world.operations())['registry PutManifest']).toBeLessThanOrEqual(30);
});
