import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.start();
  world.source.put('app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['a layer'])]);
});
afterEach(() => world.close());

/** How many connections a copy begins before there are requests for them, at the source and at the target. */
async function begunByCopy(): Promise<readonly number[]> {
  const ahead = vi.spyOn(world.net, 'ahead');
  await world.copy(['app']);
  const hosts = ahead.mock.calls.map(([url]) => url.host);
  return [world.source, world.target].map(({ host }) => hosts.filter((other) => other === host).length);
}

test('an image that is new to the ECR has connections begun for what follows its manifest', async () => {
  expect(await begunByCopy()).toEqual([5, 5]);
});

test('an image that the ECR has costs no more than one connection at each side', async () => {
  await world.copy(['app']);
  expect(await begunByCopy()).toEqual([1, 1]);
});
