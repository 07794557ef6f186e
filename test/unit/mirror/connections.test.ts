import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.start();
  world.source.put('app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['a layer'])]);
});
afterEach(() => world.close());

/** How many connections a copy opens ahead of requests, at the source and at the target. */
async function openedByCopy(): Promise<readonly number[]> {
  const preconnect = vi.spyOn(world.net, 'preconnect');
  await world.copy(['app']);
  const hosts = preconnect.mock.calls.map(([url]) => url.host);
  return [world.source, world.target].map(({ host }) => hosts.filter((other) => other === host).length);
}

it('opens one connection at each side for an image that is new to ECR', async () => {
  expect(await openedByCopy()).toEqual([1, 1]);
});

it('opens no more than one connection at each side for an image that ECR has', async () => {
  await world.copy(['app']);
  expect(await openedByCopy()).toEqual([1, 1]);
});
