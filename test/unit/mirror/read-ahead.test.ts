import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
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

test.each([
  ['start of its upload', 'POST uploads'],
  ['upload', 'PUT uploads'],
] as const)('reads a small blob once when the registry first rejects the %s', async (_, rejected) => {
  const image = makeImage(amd64, [randomBytes(40_000)]);
  const layer = image.layers[0]!;
  world.source.put('small', '1', [image]);
  let refused = 0;
  world.target.misbehavior = ({ kind }) => {
    if (kind !== rejected) return undefined;
    refused += 1;
    // Those of the layer and of the config.
    return refused <= 2 ? { status: 429 } : undefined;
  };
  const [result] = await world.copy(['small']);
  expect(result?.state).toBe('copied');
  expect(refused).toBe(4);
  const reads = world.source.requests.filter(({ reference }) => reference === layer.digest);
  expect(reads).toHaveLength(1);
  expect(world.target.repository('p/small').blobs.get(layer.digest)?.equals(layer.bytes)).toBe(true);
});

/** One transfer at a time; the target has the first of two large layers. */
async function copyLargeLayers(mounting: boolean) {
  world.mounting = mounting;
  const image = makeImage(amd64, [randomBytes(1_500_000), randomBytes(1_400_000)]);
  const [present, absent] = image.layers;
  world.source.put('large', '1', [image]);
  world.source.put('other', '1', [makeImage(amd64, [randomBytes(2_000_000)])]);
  world.target.repository('p/large').blobs.set(present!.digest, present!.bytes);
  const requests: string[] = [];
  world.target.misbehavior = ({ kind, headers }) => {
    if (kind === 'HEAD blobs' || kind === 'PUT uploads')
      requests.push(`${kind} ${headers['content-length']}`);
    return undefined;
  };
  const results = await world.copy(['large', 'other'], { concurrency: 1 });
  expect(results.map(({ state }) => state)).toEqual(['copied', 'copied']);
  expect(world.target.repository('p/large').blobs.get(absent!.digest)?.equals(absent!.bytes)).toBe(true);
  const sent = requests.filter((request) => request.startsWith('PUT') && request.length > 18);
  return { requests, sent, counts: world.target.counts() };
}

test('asks at once, and once, which large blobs the target has when it allows no mounts', async () => {
  const { requests, sent, counts } = await copyLargeLayers(false);
  expect(sent).toHaveLength(2);
  expect(counts['HEAD blobs']).toBe(3);
  const firstLarge = requests.indexOf(sent[0]!);
  expect(requests.slice(0, firstLarge).filter((request) => request.startsWith('HEAD'))).toHaveLength(3);
});

test('learns from the start of an upload which blobs the target has when it allows mounts', async () => {
  const { sent, counts } = await copyLargeLayers(true);
  expect(sent).toHaveLength(2);
  expect(counts['HEAD blobs']).toBeUndefined();
});

test('requests a large blob while its upload starts when the target does not have it', async () => {
  world.mounting = false;
  const image = makeImage(amd64, [randomBytes(1_500_000)]);
  world.source.put('early', '1', [image]);
  const layer = image.layers[0]!.digest as string;
  const isRequested = () => world.source.requests.some(({ reference }) => reference === layer);
  world.target.hold = async () => {
    if (world.target.requests.at(-1)?.kind !== 'POST uploads') return;
    for (let tries = 0; tries < 100 && !isRequested(); tries += 1) await setTimeout(10);
    expect(isRequested()).toBe(true);
  };
  const [result] = await world.copy(['early']);
  expect(result?.state).toBe('copied');
});
