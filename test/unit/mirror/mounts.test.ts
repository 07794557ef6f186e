import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MirrorResult } from '../../../src/mirror/engine.ts';
import { countOf, MirrorWorld } from '../../support/mirror.ts';

const host = 'registry.k8s.io';
/** 20 images of four blobs: two of a base, a layer and a config of their own. */
const names = Array.from({ length: 20 }, (_, number) => `shared-${number}`);
const unique = 2 + 2 * names.length;

let world: MirrorWorld;
beforeEach(async () => {
  world = await MirrorWorld.start();
  world.aws.sandbox.aws.registry.settings.set('BLOB_MOUNTING', 'ENABLED');
  for (const name of names) world.source(host).seed(name, '1', { base: ['b1', 'b2'], layers: 1 });
});
afterEach(() => world.close());

const copy = (images: readonly string[]) => world.copy(images.map((name) => `${host}/${name}:1`));
const statesOf = (results: readonly MirrorResult[]) => countOf(results.map(({ state }) => state));

describe('20 repositories of an account that allows mounts', () => {
  it('get each blob by one upload, read once from the source, and all others by one mount', async () => {
    expect(statesOf(await copy(names))).toEqual({ copied: 20 });
    expect(countOf(world.operations())).toMatchObject({
      'source GetBlob': unique,
      'registry StartUpload': 4 * names.length,
      'registry FinishUpload': unique,
    });
  });

  it('upload the shared blobs once more when the image that should bring them fails', async () => {
    world.aws.sandbox.faults.plan({ kind: 'deny', service: 'registry', operation: 'PutManifest', to: 1 });
    expect(statesOf(await copy(names))).toEqual({ copied: 19, failed: 1 });
    expect(countOf(world.operations())).toMatchObject({ 'registry FinishUpload': unique + 2 });
  });

  it('mount blobs from images that ECR already has', async () => {
    await copy(names.slice(0, 1));
    world.operations();
    expect(statesOf(await copy(names))).toEqual({ current: 1, copied: 19 });
    expect(countOf(world.operations())).toMatchObject({
      'source GetBlob': unique - 4,
      'registry StartUpload': 4 * (names.length - 1),
      'registry FinishUpload': unique - 4,
    });
  });

  it('mount blobs from an image in ECR whose tag is to move, also when its new image fails', async () => {
    await copy(names.slice(0, 1));
    world.source(host).seed('shared-0', '1', { base: ['b1', 'b2', 'b3'] });
    const resource = `myproject/${host}/shared-0`;
    world.aws.sandbox.faults.plan({ kind: 'deny', service: 'registry', operation: 'PutManifest', resource });
    world.operations();
    expect(statesOf(await copy(names.slice(0, 2)))).toEqual({ copied: 1, failed: 1 });
    // The new layer and config of the one, and those of the other.
    expect(countOf(world.operations())).toMatchObject({ 'registry FinishUpload': 4 });
  });
});
