import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { SandboxClock } from '../../../sandbox/clock.ts';
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

it("uses ECR's rates almost completely, and ECR refuses almost nothing", async () => {
  // Only waits of the program take time, and requests that were sent before them arrive first.
  const clock = new SandboxClock(() => Date.UTC(2026, 0, 1));
  const paced = await MirrorWorld.start({ clock });
  const waiting = {
    now: () => clock.now(),
    sleep: async (milliseconds: number) => {
      const { calls } = paced.aws.sandbox.faults;
      for (let arrived = -1; arrived < calls.length; await setTimeout(10)) arrived = calls.length;
      clock.advance(milliseconds);
    },
  };
  try {
    const rates = { PutImage: 10, InitiateLayerUpload: 100, CompleteLayerUpload: 100 };
    for (const [action, rate] of Object.entries(rates))
      paced.aws.sandbox.aws.limits.perSecond.set(action, rate);
    const images = Array.from({ length: 40 }, (_, number) => wanted(`registry.k8s.io/rate-${number}:1`));
    paced.addRepositories(images);
    for (const number of images.keys()) paced.source('registry.k8s.io').seed(`rate-${number}`, '1', {});
    const before = clock.now();
    const results = await paced.mirror(waiting).copy(images, paced.options());
    expect(results.every(({ state }) => state === 'copied')).toBe(true);
    expect(countOf(paced.operations())['registry PutManifest']).toBeLessThan(40 * 1.05);
    // The first second's requests start at once.
    expect((40 - 10) / ((clock.now() - before) / 1000)).toBeGreaterThan(9);
  } finally {
    await paced.close();
  }
});
