import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineWorld } from '../../support/registry-engine.ts';
import { makeImage, type TestImage } from '../../support/images.ts';
import type { Mischief, OciServer, Seen } from '../../support/oci-server.ts';

const size = 3 * 1024 * 1024;
const amd64 = { os: 'linux', architecture: 'amd64' };

let world: EngineWorld;
let spoilt: TestImage;
beforeEach(async () => {
  world = await EngineWorld.start();
  spoilt = makeImage(amd64, [randomBytes(size)]);
  world.source.put('spoilt', '1', [spoilt]);
  world.source.put('good', '1', [makeImage(amd64, ['good'])]);
});
afterEach(() => world.close());

const layer = () => {
  const [first] = spoilt.layers;
  if (!first) throw new Error('the image has a layer');
  return first;
};
/** Spoils requests of one kind that are about the layer: the first `times` of them. */
const spoil = (server: OciServer, kind: string, mischief: Mischief, times = Infinity) => {
  let count = 0;
  server.mischief = (request: Seen) => {
    const concerns = request.kind === kind && isAboutLayer(request);
    return concerns && (count += 1) <= times ? mischief : undefined;
  };
};
const isAboutLayer = ({ kind, reference, headers }: Seen) => {
  if (kind === 'PUT uploads') return Number(headers['content-length']) === layer().bytes.length;
  return !kind.endsWith('blobs') || reference === layer().digest;
};
const tagOf = (name: string) => world.target.repository(`p/${name}`).manifests.get('1');
/** The image that suffers fails with that code, has no tag, and the other one is copied; then a second run completes it. */
const failsAlone = async (code: string) => {
  const [failed, good] = await world.copy(['spoilt', 'good']);
  expect(failed).toMatchObject({ state: 'failed', error: { code } });
  expect(tagOf('spoilt')).toBeUndefined();
  expect(good?.state).toBe('copied');
  world.source.mischief = world.target.mischief = () => undefined;
  const [again, still] = await world.copy(['spoilt', 'good']);
  expect([again?.state, still?.state]).toEqual(['copied', 'current']);
  return failed;
};
const succeeds = async () => {
  const [result] = await world.copy(['spoilt']);
  expect(result?.error).toBeUndefined();
  expect(result?.state).toBe('copied');
  expect(world.target.repository('p/spoilt').blobs.get(layer().digest)?.equals(layer().bytes)).toBe(true);
  return result;
};

describe('a source that misbehaves', () => {
  test('a connection that breaks in the middle of a blob is taken up where it broke', async () => {
    spoil(world.source, 'GET blobs', { cutAfter: 1_000_000 }, 1);
    await succeeds();
    const ranges = world.source.seen.map(({ headers }) => headers.range).filter(Boolean);
    expect(ranges).toHaveLength(1);
    expect(world.target.counts()['PUT uploads']).toBe(2);
  });

  test('a source that always breaks off fails its image alone', async () => {
    spoil(world.source, 'GET blobs', { cutAfter: 100 });
    await failsAlone('registry-failed');
  });

  test('other bytes than the digest says fail the image alone', async () => {
    spoil(world.source, 'GET blobs', { instead: randomBytes(layer().bytes.length) });
    await failsAlone('image-corrupt');
  });

  test('a bad copy that is not met again does no harm', async () => {
    spoil(world.source, 'GET blobs', { instead: randomBytes(layer().bytes.length) }, 1);
    await succeeds();
  });

  test('a blob that is shorter than its descriptor fails the image alone', async () => {
    spoil(world.source, 'GET blobs', { instead: layer().bytes.subarray(0, 1000) });
    await failsAlone('image-corrupt');
  });

  test('a length that lies fails the image alone', async () => {
    spoil(world.source, 'GET blobs', { announce: layer().bytes.length + 1 });
    await failsAlone('image-corrupt');
  });

  test('redirects in a circle fail the image alone', async () => {
    const headers = { location: `/v2/spoilt/blobs/${layer().digest}` };
    spoil(world.source, 'GET blobs', { status: 307, headers });
    const failed = await failsAlone('registry-failed');
    expect(failed?.error?.why).toContain('sent on');
  });

  test('a redirect to plain http elsewhere is refused', async () => {
    spoil(world.source, 'GET blobs', { status: 307, headers: { location: 'http://cdn.example.com/blob' } });
    const failed = await failsAlone('registry-failed');
    expect(failed?.error?.why).toContain('not protected');
  });

  test('a missing blob fails the image alone', async () => {
    spoil(world.source, 'GET blobs', { status: 404 });
    await failsAlone('registry-failed');
  });

  test('a manifest of more than 4 MiB is refused', async () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1, ' ');
    world.source.mischief = ({ kind, repository }) =>
      kind === 'GET manifests' && repository === 'spoilt' ? { instead: bytes } : undefined;
    await failsAlone('image-unsupported');
  });

  test('a manifest with another digest than announced is refused', async () => {
    world.source.mischief = ({ kind, repository }) =>
      kind === 'GET manifests' && repository === 'spoilt' ? { instead: Buffer.from('{}') } : undefined;
    await failsAlone('image-corrupt');
  });

  test('a tag that moves meanwhile gives the image that was resolved, whole', async () => {
    const moved = makeImage(amd64, ['moved']);
    world.source.mischief = ({ kind, repository }) => {
      if (kind === 'GET blobs' && repository === 'spoilt') world.source.put('spoilt', '1', [moved]);
      return undefined;
    };
    const result = await succeeds();
    expect(result?.targetDigest).toBe(spoilt.manifest.digest);
    const [again] = await world.copy(['spoilt']);
    expect(again).toMatchObject({
      state: 'moved',
      previousDigest: spoilt.manifest.digest,
      targetDigest: moved.manifest.digest,
    });
  });
});

describe('a target that misbehaves', () => {
  test('every new try of an upload has a session of its own', async () => {
    spoil(world.target, 'PUT uploads', { cutAfter: 500_000 }, 1);
    await succeeds();
    expect(world.target.counts()).toMatchObject({ 'POST uploads': 3, 'PUT uploads': 3 });
    expect(world.target.counts()['PATCH uploads']).toBeUndefined();
  });

  test('an upload that is always cut fails its image alone', async () => {
    world.target.mischief = ({ kind, repository }) =>
      kind === 'PUT uploads' && repository === 'p/spoilt' ? { cutAfter: 10 } : undefined;
    await failsAlone('registry-failed');
  });

  test('a repository that is deleted in the middle fails its image alone', async () => {
    world.target.mischief = ({ kind, repository }) => {
      if (kind === 'PUT uploads' && repository === 'p/spoilt') world.target.repositories.delete('p/spoilt');
      return undefined;
    };
    const [failed, good] = await world.copy(['spoilt', 'good']);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'registry-failed' } });
    expect(failed?.error?.hint).toContain('repositories');
    expect(good?.state).toBe('copied');
  });

  test('a manifest that is refused leaves no tag', async () => {
    world.target.mischief = ({ kind, repository }) =>
      kind === 'PUT manifests' && repository === 'p/spoilt'
        ? { status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' }
        : undefined;
    await failsAlone('registry-failed');
  });
});

describe('registries that are busy', () => {
  test('one answer in twenty that is 429 or 500 on either side harms nothing', async () => {
    const names = Array.from({ length: 20 }, (_, number) => `app-${number}`);
    for (const name of names) world.source.put(name, '1', [makeImage(amd64, [name, `${name} more`])]);
    let count = 0;
    const everyTwentieth = (): Mischief | undefined => {
      count += 1;
      if (count % 20 !== 0) return undefined;
      return count % 40 === 0 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 500 };
    };
    world.source.mischief = world.target.mischief = everyTwentieth;
    const results = await world.copy(names);
    expect(results.map(({ error }) => error?.message).filter(Boolean)).toEqual([]);
  });

  test('Retry-After is waited for', async () => {
    spoil(world.target, 'PUT manifests', { status: 429, headers: { 'retry-after': '7' } }, 1);
    await succeeds();
    expect(Math.max(...world.clock.slept)).toBeGreaterThanOrEqual(7000);
  });

  test('a registry that is down is given up before it was asked hundreds of times', async () => {
    const names = Array.from({ length: 50 }, (_, number) => `app-${number}`);
    world.source.mischief = () => ({ status: 500 });
    const results = await world.copy(names);
    expect(results.every(({ state }) => state === 'failed')).toBe(true);
    expect(world.source.seen.length).toBeLessThan(150);
  });
});
