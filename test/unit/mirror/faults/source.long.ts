import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { expectFailure, FaultWorld, withLayer } from '../../../support/fault-world.ts';
import { makeImage, sha256 } from '../../../support/images.ts';
import { OciServer } from '../../../support/oci-server.ts';

let world: FaultWorld;
beforeEach(async () => {
  world = await FaultWorld.start();
});
afterEach(() => world.close());

describe('a source that fails', () => {
  test('during a blob fails its own images until it is available again', async () => {
    const other = await OciServer.start();
    other.put('good', '1', [world.good]);
    const images = [
      world.wanted('corrupted'),
      { ...world.wanted('good'), source: `${other.host}/good:1`, wantedBy: ['test'] },
    ];
    world.corrupt(world.source, 'GET blobs', { cutAfter: 1_000_000, dies: true });
    const [failed, good] = await world.engine().copy(images, world.options());
    expectFailure(failed, 'registry-unreachable', '/corrupted');
    expect(good?.state).toBe('copied');
    expect(world.tagged('corrupted')).toBeUndefined();
    await world.source.revive();
    world.source.misbehavior = () => undefined;
    const again = await world.engine().copy(images, world.options());
    expect(again.map(({ state }) => state)).toEqual(['copied', 'current']);
    await other.close();
  });

  test('for a moment resumes the download where it stopped', async () => {
    world.corrupt(world.source, 'GET blobs', { cutAfter: 1_000_000 }, 1);
    await world.succeeds();
    const ranges = world.source.requests.map(({ headers }) => headers.range).filter(Boolean);
    expect(ranges).toHaveLength(1);
    expect(world.target.counts()['PUT uploads']).toBe(2);
  });

  test('repeatedly fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { cutAfter: 100 });
    await world.failsAlone('registry-failed');
  });
});

it.each([400, 405, 501])(
  'finds a current image at a source that responds with %s to every HEAD',
  async (status) => {
    await world.copy(['good']);
    world.source.misbehavior = ({ kind }) => (kind.startsWith('HEAD') ? { status } : undefined);
    const [result] = await world.copy(['good']);
    expect(result).toMatchObject({ state: 'current' });
  },
);

describe('a blob', () => {
  test('with another digest fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { instead: randomBytes(world.layer.bytes.length) });
    await world.failsAlone('image-corrupt');
  });

  test('with another digest once, from a bad copy in a content delivery network, is read again', async () => {
    world.corrupt(world.source, 'GET blobs', { instead: randomBytes(world.layer.bytes.length) }, 1);
    await world.succeeds();
  });

  test('that is truncated fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { instead: world.layer.bytes.subarray(0, 1000) });
    await world.failsAlone('image-corrupt');
  });

  test('that is longer than its descriptor fails only its image', async () => {
    const longer = Buffer.concat([world.layer.bytes, Buffer.alloc(1000)]);
    world.corrupt(world.source, 'GET blobs', { instead: longer });
    await world.failsAlone('image-corrupt');
  });

  test('whose response has a wrong length fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { announce: world.layer.bytes.length + 1 });
    await world.failsAlone('image-corrupt');
  });

  test('whose gzip has a wrong length of its content is copied unchanged, because its digest matches', async () => {
    const bytes = Buffer.from(world.layer.bytes);
    // The last four bytes of a gzip are the length of its content (RFC 1952).
    bytes.writeUInt32LE(7, bytes.length - 4);
    const liar = withLayer(world.corrupted, { ...world.layer, bytes, digest: sha256(bytes) });
    world.source.put('corrupted', '1', [liar]);
    const [result] = await world.copy(['corrupted']);
    expect(result?.state).toBe('copied');
    const { blobs } = world.target.repository('p/corrupted');
    expect(blobs.get(sha256(bytes))?.equals(bytes)).toBe(true);
  });

  test('that a server compresses without a request for it fails only its image', async () => {
    const headers = { 'content-encoding': 'gzip' };
    world.corrupt(world.source, 'GET blobs', { instead: gzipSync(world.layer.bytes), headers });
    await world.failsAlone('image-corrupt');
  });

  test('that is missing fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { status: 404 });
    await world.failsAlone('registry-failed');
  });

  test('that the source rejects from now on fails only its image', async () => {
    const headers = { 'www-authenticate': 'Basic realm="r"' };
    world.corrupt(world.source, 'GET blobs', { status: 401, headers });
    const { error } = await world.failsAlone('registry-denied');
    expect(error?.hint).toContain('docker login');
  });
});

describe('a redirect', () => {
  test('in a loop fails only its image', async () => {
    const headers = { location: `/v2/corrupted/blobs/${world.layer.digest}` };
    world.corrupt(world.source, 'GET blobs', { status: 307, headers });
    const { error } = await world.failsAlone('registry-failed');
    expect(error?.why).toContain('redirects');
  });

  test.each([
    ['to plain http elsewhere', 'http://cdn.example.com/blob', 'does not use TLS'],
    ['to a file', 'file:///etc/passwd', 'does not use TLS'],
    ['to nonsense', 'http://', 'not a URL'],
  ])('%s is rejected and fails only its image', async (_, location, why) => {
    world.corrupt(world.source, 'GET blobs', { status: 307, headers: { location } });
    const { error } = await world.failsAlone('registry-failed');
    expect(error?.why).toContain(why);
  });
});

describe('a manifest', () => {
  test('of more than 4 MiB fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', { instead: Buffer.alloc(4 * 1024 * 1024 + 1, ' ') });
    await world.failsAlone('image-unsupported');
  });

  test('with another digest than announced fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', { instead: Buffer.from('{}') });
    await world.failsAlone('image-corrupt');
  });

  test('of the old schema 1 fails only its image, with an error that it is outdated', async () => {
    const instead = Buffer.from(JSON.stringify({ schemaVersion: 1, name: 'corrupted', fsLayers: [] }));
    const headers = {
      'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'docker-content-digest': sha256(instead),
    };
    world.corrupt(world.source, 'GET manifests', { instead, headers });
    const { error } = await world.failsAlone('image-unsupported');
    expect(error?.why).toContain('old manifest format');
  });

  test('whose tag moves after the look-up arrives complete as it was, and the next run copies the new one', async () => {
    const moved = makeImage({ os: 'linux', architecture: 'amd64' }, ['moved']);
    world.source.misbehavior = ({ kind, repository }) => {
      if (kind === 'GET blobs' && repository === 'corrupted') world.source.put('corrupted', '1', [moved]);
      return undefined;
    };
    await world.succeeds();
    const [again] = await world.copy(['corrupted']);
    expect(again).toMatchObject({
      state: 'moved',
      previousDigest: world.corrupted.manifest.digest,
      targetDigest: moved.manifest.digest,
    });
  });
});
