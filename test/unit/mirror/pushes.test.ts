import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestOf } from '../../../src/clients/registry/digest.ts';
import type { Engine, MirrorResult } from '../../../src/mirror/engine.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => void (world = await MirrorWorld.start()));
afterAll(() => world.close());

const nothing = { bytesSent: 0, bytesMounted: 0, bytesSkipped: 0, requests: 0, seconds: 0 };
const targetDigest = digestOf(Buffer.from('pushed'));

/** An engine that reports these states, and sends nothing. */
function engineOf(states: Readonly<Record<string, MirrorResult['state']>>): Engine {
  const act: Engine['copy'] = (images) =>
    Promise.resolve(
      images.map((image): MirrorResult => {
        const state = states[image.tag] ?? 'failed';
        return { image, target: 't', engine: 'docker', state, platforms: [], targetDigest, ...nothing };
      }),
    );
  return { name: 'docker', plan: act, copy: act, find: () => Promise.resolve() };
}

it('the pushes of a mirror have every manifest that was put, by tag or digest', async () => {
  world.source('quay.io').seed('app', '1', { platforms: ['linux/amd64', 'linux/arm64'] });
  const image = wanted('quay.io/app:1');
  world.addRepositories([image]);
  const mirror = world.mirror();
  await mirror.copy([image], world.options());
  const held = world.held(image.repository);
  const pushed = mirror.pushes.of(image.repository);
  expect(new Set(pushed.map(({ digest }) => digest))).toEqual(new Set(held.manifests.keys()));
  expect(pushed.flatMap(({ tag, digest }) => (tag === undefined ? [] : [[tag, digest]]))).toEqual([
    ['1', held.tags.get('1')],
  ]);
  expect(mirror.pushes.repositories).toEqual([image.repository]);
});

it('the pushes of a mirror have what the Docker engine copied or moved, and nothing that it left as it was', async () => {
  const states = { new: 'copied', other: 'moved', same: 'current', old: 'kept' } as const;
  world.docker = () => Promise.resolve(engineOf(states));
  const images = [...Object.keys(states), 'broken'].map((tag) => wanted(`quay.io/local:${tag}`));
  const mirror = world.mirror();
  await mirror.copy(images, world.options({ engine: 'docker' }));
  expect(mirror.pushes.of(images[0]?.repository ?? '')).toEqual([
    { tag: 'new', digest: targetDigest },
    { tag: 'other', digest: targetDigest },
  ]);
});

it('the pushes of a mirror have nothing of a plan', async () => {
  world.docker = () => Promise.resolve(engineOf({ new: 'would-copy' }));
  const mirror = world.mirror();
  await mirror.plan([wanted('quay.io/local:new')], world.options({ engine: 'docker' }));
  expect(mirror.pushes.repositories).toEqual([]);
});
