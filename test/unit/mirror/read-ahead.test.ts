import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => (world = await EngineWorld.start()));
afterEach(() => world.close());

const amd64 = { os: 'linux', architecture: 'amd64' };

test.each([20_000, 600_000])(
  'does not send a blob of %i bytes that was read ahead when the target already has it',
  async (size) => {
    const image = makeImage(amd64, [randomBytes(size), 'more']);
    const present = image.layers[0]!;
    world.source.put('half', '1', [image]);
    world.target.repository('p/half').blobs.set(present.digest, present.bytes);
    const [result] = await world.copy(['half']);
    expect(result).toMatchObject({ state: 'copied', bytesSkipped: present.bytes.length });
    expect(world.target.counts()['PUT uploads']).toBe(2);
  },
);

test('requests a blob again after its read-ahead when the registry first rejects its upload', async () => {
  const image = makeImage(amd64, [randomBytes(600_000)]);
  const layer = image.layers[0]!;
  world.source.put('again', '1', [image]);
  let refused = 0;
  world.target.misbehavior = ({ kind, headers }) => {
    const concerns = kind === 'PUT uploads' && Number(headers['content-length']) === layer.bytes.length;
    return concerns && (refused += 1) === 1 ? { status: 500 } : undefined;
  };
  const [result] = await world.copy(['again']);
  expect(result?.state).toBe('copied');
  expect(refused).toBe(2);
  expect(world.target.repository('p/again').blobs.get(layer.digest)?.equals(layer.bytes)).toBe(true);
});
