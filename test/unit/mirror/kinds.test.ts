import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { EngineOptions } from '../../../src/mirror/engine.ts';
import { makeImage, mediaTypes, sha256, type Blob } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.start();
});
afterEach(() => world.close());

const json = (mediaType: string, value: object): Blob => {
  const bytes = Buffer.from(JSON.stringify(value));
  return { mediaType, bytes, digest: sha256(bytes) };
};
const refer = ({ mediaType, digest, bytes }: Blob, more: object = {}) => ({
  mediaType,
  digest,
  size: bytes.length,
  ...more,
});
const index = (...manifests: object[]): Blob =>
  json(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
const held = (name: string) => world.target.repository(`p/${name}`);

describe('kinds of images', () => {
  test('copies a nested index completely, the inner manifests first', async () => {
    const [one, other] = [makeImage(amd64, ['one']), makeImage(arm64, ['other'])];
    const inner = index(refer(other.manifest, { platform: arm64 }));
    world.source.put('nested', '1', [one, other]);
    world.source.put('nested', inner.digest, [], inner);
    world.source.put('nested', '1', [], index(refer(one.manifest, { platform: amd64 }), refer(inner)));
    const [result] = await world.copy(['nested']);
    expect(result).toMatchObject({
      state: 'copied',
      content: 'whole',
      platforms: ['linux/amd64', 'linux/arm64'],
    });
    const puts = world.target.requests
      .filter(({ kind }) => kind === 'PUT manifests')
      .map(({ reference }) => reference);
    expect(puts.slice(-2)).toEqual([inner.digest, '1']);
  });

  test('finds a platform in a nested index', async () => {
    const [one, other] = [makeImage(amd64, ['one']), makeImage(arm64, ['other'])];
    const inner = index(refer(other.manifest, { platform: arm64 }));
    world.source.put('nested', '1', [one, other]);
    world.source.put('nested', inner.digest, [], inner);
    world.source.put('nested', '1', [], index(refer(one.manifest, { platform: amd64 }), refer(inner)));
    const [result] = await world.copy(['nested'], { platforms: ['linux/arm64'] });
    expect(result).toMatchObject({ content: 'platform', targetDigest: other.manifest.digest });
  });

  test('copies an artifact for any desired platform', async () => {
    const chart = Buffer.from('a chart');
    const config = json('application/vnd.cncf.helm.config.v1+json', { name: 'chart' });
    const layer = {
      mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      bytes: chart,
      digest: sha256(chart),
    };
    const { blobs } = world.source.repository('chart');
    for (const blob of [config, layer]) blobs.set(blob.digest, blob.bytes);
    const manifest = json(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: refer(config),
      layers: [refer(layer)],
    });
    world.source.put('chart', '1', [], manifest);
    const [result] = await world.copy(['chart'], { platforms: ['linux/arm64'] });
    expect(result).toMatchObject({ state: 'copied', targetDigest: manifest.digest, platforms: [] });
  });

  describe('a layer that registries need not have', () => {
    const layer = Buffer.from('of Windows');
    const image = makeImage({ os: 'windows', architecture: 'amd64' }, ['own']);
    const nondistributable = refer(
      {
        mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        bytes: layer,
        digest: sha256(layer),
      },
      { urls: ['https://example.com/layer'] },
    );
    const fields = JSON.parse(image.manifest.bytes.toString()) as { layers: object[] };
    const manifest = json(mediaTypes.manifest, { ...fields, layers: [nondistributable, ...fields.layers] });
    const copied = { state: 'copied', targetDigest: manifest.digest };
    beforeEach(() => world.source.put('windows', '1', [image], manifest));

    it('is copied when the source has it, so that nodes need no other host', async () => {
      world.source.repository('windows').blobs.set(sha256(layer), layer);
      expect((await world.copy(['windows']))[0]).toMatchObject(copied);
      expect(held('windows').blobs.get(sha256(layer))).toEqual(layer);
    });

    it.each([404, 403, 405])(
      'is omitted when the source responds with %i, and its URL is reported',
      async (status) => {
        world.source.misbehavior = ({ reference }) => (reference === sha256(layer) ? { status } : undefined);
        const notes: string[] = [];
        const emit: EngineOptions['emit'] = (event) => {
          if (event.type === 'note') notes.push(event.text);
        };
        expect((await world.copy(['windows'], { emit }))[0]).toMatchObject(copied);
        expect(held('windows').blobs.size).toBe(2);
        expect(notes).toEqual([expect.stringContaining('nodes need access to https://example.com/layer')]);
      },
    );
  });

  describe('a manifest without a type of its own', () => {
    const image = makeImage(amd64, ['plain']);
    const { mediaType: _, ...fields } = JSON.parse(image.manifest.bytes.toString()) as Record<
      string,
      unknown
    >;
    const served = ['application/json', 'text/plain; charset=utf-8', 'application/octet-stream', ''];

    it.each(served)('is pushed as an image when it is an image and is served as "%s"', async (type) => {
      const silent = json(type, fields);
      world.source.put('silent', '1', [image], silent);
      expect((await world.copy(['silent']))[0]).toMatchObject({
        state: 'copied',
        targetDigest: silent.digest,
      });
      expect(held('silent').manifests.get('1')?.mediaType).toBe(mediaTypes.manifest);
    });

    it.each(served)('is pushed as an index when it is an index and is served as "%s"', async (type) => {
      const silent = json(type, {
        schemaVersion: 2,
        manifests: [refer(image.manifest, { platform: amd64 })],
      });
      world.source.put('silent', '1', [image], silent);
      expect((await world.copy(['silent']))[0]).toMatchObject({
        state: 'copied',
        targetDigest: silent.digest,
      });
      expect(held('silent').manifests.get('1')?.mediaType).toBe(mediaTypes.index);
    });

    it('is not treated as an index only because it is served as an index', async () => {
      world.source.put('silent', '1', [image], json(mediaTypes.index, fields));
      await world.copy(['silent']);
      expect(held('silent').manifests.get('1')?.mediaType).toBe(mediaTypes.manifest);
    });
  });

  test.each([
    [
      'schema 1',
      json('application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1, fsLayers: [] }),
      'image-unsupported',
    ],
    [
      'other digests than SHA-256',
      index({ mediaType: mediaTypes.manifest, digest: `sha512:${'a'.repeat(128)}`, size: 2 }),
      'image-unsupported',
    ],
    [
      'a path for a digest',
      index({ mediaType: mediaTypes.manifest, digest: '../../etc', size: 2 }),
      'image-corrupt',
    ],
    [
      'a negative length',
      index({ mediaType: mediaTypes.manifest, digest: `sha256:${'a'.repeat(64)}`, size: -1 }),
      'image-corrupt',
    ],
    [
      'no JSON',
      { mediaType: mediaTypes.manifest, bytes: Buffer.from('<html>'), digest: sha256(Buffer.from('<html>')) },
      'image-corrupt',
    ],
    [
      'a type that contradicts its content',
      json(mediaTypes.manifest, { schemaVersion: 2, mediaType: mediaTypes.manifest, manifests: [] }),
      'image-corrupt',
    ],
    ['a child that is missing', index(refer(makeImage(amd64, ['missing']).manifest)), 'image-missing'],
  ])('reports %s with its own error code', async (_, top, code) => {
    world.source.put('odd', '1', [], top);
    expect((await world.copy(['odd']))[0]?.error?.code).toBe(code);
  });
});

describe('content that ECR already has is not sent again:', () => {
  test('blobs of an interrupted copy', async () => {
    const image = makeImage(amd64, [randomBytes(2_000_000), 'small']);
    world.source.put('half', '1', [image]);
    const [first] = image.layers;
    held('half').blobs.set(String(first?.digest), first?.bytes ?? Buffer.alloc(0));
    const [result] = await world.copy(['half']);
    expect(result).toMatchObject({ state: 'copied', bytesSkipped: first?.bytes.length });
    expect(world.source.requests.some(({ reference }) => reference === first?.digest)).toBe(false);
  });

  test('large blobs, even if the account does not allow mounts', async () => {
    world.mounting = false;
    const [base, own] = [randomBytes(2_000_000), randomBytes(2_000_000)];
    world.source.put('app', '1', [makeImage(amd64, [base])]);
    await world.copy(['app']);
    world.source.put('app', '1', [makeImage(amd64, [base, own])]);
    const [result] = await world.copy(['app']);
    expect(result?.state).toBe('moved');
    expect(result?.bytesSkipped).toBeGreaterThan(1_900_000);
    expect(world.target.requests.filter(({ kind }) => kind === 'HEAD blobs')).toHaveLength(3);
  });
});

describe('an abort', () => {
  test('ends the copy with its reason, and no tag points to an incomplete image', async () => {
    const stopping = new AbortController();
    for (const name of ['a', 'b', 'c'])
      world.source.put(name, '1', [makeImage(amd64, [randomBytes(3_000_000)])]);
    world.target.misbehavior = ({ kind }) => {
      if (kind === 'PUT uploads') stopping.abort(new Error('stopped by hand'));
      return undefined;
    };
    await expect(world.copy(['a', 'b', 'c'], { signal: stopping.signal })).rejects.toThrow('stopped by hand');
    for (const name of ['a', 'b', 'c']) expect(held(name).manifests.size).toBe(0);
    world.target.misbehavior = () => undefined;
    expect((await world.copy(['a', 'b', 'c'])).map(({ state }) => state)).toEqual([
      'copied',
      'copied',
      'copied',
    ]);
  });
});

describe('images that share a layer', () => {
  test('still receive it when the image that they would mount it from fails', async () => {
    const base = randomBytes(100_000);
    world.source.put('first', '1', [makeImage(amd64, [base])]);
    world.source.put('second', '1', [makeImage(amd64, [base, 'more'])]);
    world.target.misbehavior = ({ kind, repository }) =>
      kind === 'PUT manifests' && repository === 'p/first' ? { status: 400 } : undefined;
    const [first, second] = await world.copy(['first', 'second']);
    expect([first?.state, second?.state]).toEqual(['failed', 'copied']);
  });

  test('report all bytes as done at the end', async () => {
    const reported: { done: number; total?: number }[] = [];
    world.source.put('app', '1', [makeImage(amd64, [randomBytes(50_000), 'more'])]);
    await world.copy(['app'], {
      emit: (event) => {
        if (event.type === 'progress' && event.progress.id === 'images') reported.push(event.progress);
      },
    });
    const last = reported.at(-1);
    expect(last?.done).toBe(last?.total);
    expect(last?.total).toBeGreaterThan(50_000);
  });
});
