import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => (world = await EngineWorld.start()));
afterEach(() => world.close());

test('sends only 2 requests, both HEAD, for each of 200 current images', async () => {
  const names = Array.from({ length: 200 }, (_, number) => `app-${number}`);
  const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
  for (const name of names) world.source.put(name, '1', [image]);
  const engine = world.engine();
  const images = names.map((name) => world.wanted(name));
  const first = await engine.copy(images, world.options());
  expect(first.filter(({ state }) => state !== 'copied')).toEqual([]);
  world.source.requests.splice(0);
  world.target.requests.splice(0);
  const again = await engine.copy(images, world.options());
  expect(again.filter(({ state, requests }) => state !== 'current' || requests !== 2)).toEqual([]);
  expect(world.source.counts()).toEqual({ 'HEAD manifests': 200 });
  expect(world.target.counts()).toEqual({ 'HEAD manifests': 200 });
});

test('copies a thousand references of ten repositories, and each shared layer once', async () => {
  const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
  const names = Array.from({ length: 10 }, (_, number) => `app-${number}`);
  const tags = Array.from({ length: 100 }, (_, number) => `v${number}`);
  for (const name of names) for (const tag of tags) world.source.put(name, tag, [image]);
  const images = names.flatMap((name) => tags.map((tag) => world.wanted(name, tag)));
  const results = await world.engine().copy(images, world.options());
  expect(results.filter(({ state }) => state !== 'copied')).toEqual([]);
  expect(world.target.counts()).toEqual({
    'HEAD manifests': 1000,
    'PUT manifests': 1000,
    // Two blobs for ten repositories: uploaded to one, mounted into nine.
    'POST uploads': 20,
    'PUT uploads': 2,
  });
  expect(world.source.counts()['GET blobs']).toBe(2);
}, 60_000);
