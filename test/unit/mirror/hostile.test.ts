import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectFailure } from '../../support/fault-world.ts';
import { HostileWorld } from '../../support/hostile-world.ts';

let world: HostileWorld;
beforeEach(async () => {
  world = await HostileWorld.start();
});
afterEach(() => world.close());

const config = 'application/vnd.oci.image.config.v1+json';
const layer = 'application/vnd.oci.image.layer.v1.tar+gzip';
const manifest = 'application/vnd.oci.image.manifest.v1+json';
const index = 'application/vnd.oci.image.index.v1+json';

const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;

const badDigests = [
  '../../precious',
  '../../../precious',
  'sha256:../../precious',
  'sha256:../../../precious',
  'sha512:../../../../precious',
  'sha256:/etc/passwd',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(64)}?x=`,
  'sha256:',
  'latest',
];

describe('a registry that answers with an invalid digest', () => {
  it.each(badDigests)('%j to a HEAD fails its image alone and touches no file', async (bad) => {
    await world.copy(['spoilt', 'good']);
    const headers = { 'docker-content-digest': bad };
    world.spoil(world.source, 'HEAD manifests', { instead: Buffer.alloc(0), headers });
    await world.resists('image-corrupt', 'invalid Docker-Content-Digest header');
    const [planned] = await world.engine().plan([world.wanted('spoilt')], world.options());
    expectFailure(planned, 'image-corrupt', '/spoilt');
  });

  it.each(badDigests)('%j to a GET fails its image alone and touches no file', async (bad) => {
    const headers = { 'docker-content-digest': bad };
    world.spoil(world.source, 'GET manifests', { instead: world.spoilt.manifest.bytes, headers });
    await world.resists('image-corrupt', 'invalid Docker-Content-Digest header');
  });

  it.each(badDigests)('%j in an index fails its image alone and touches no file', async (bad) => {
    world.tag(
      { schemaVersion: 2, mediaType: index, manifests: [{ mediaType: manifest, digest: bad, size: 2 }] },
      index,
    );
    await world.resists('image-corrupt', 'without a valid digest');
  });

  it.each(badDigests)('%j of a config fails its image alone and touches no file', async (bad) => {
    world.tag({ schemaVersion: 2, config: { mediaType: config, digest: bad, size: 2 }, layers: [] });
    await world.resists('image-corrupt', 'without a valid digest');
  });

  it.each(badDigests)('%j of a layer fails its image alone and touches no file', async (bad) => {
    world.tag({ schemaVersion: 2, layers: [{ mediaType: layer, digest: bad, size: 2 }] });
    await world.resists('image-corrupt', 'without a valid digest');
  });
});

describe('a registry that answers with a wrong digest', () => {
  it('to a GET by tag fails its image alone', async () => {
    const headers = { 'docker-content-digest': `sha256:${'a'.repeat(64)}` };
    world.spoil(world.source, 'GET manifests', { instead: world.spoilt.manifest.bytes, headers });
    await world.resists('image-corrupt', `for sha256:${'a'.repeat(64)}`);
  });

  it('of SHA-512 to a GET by tag fails its image alone', async () => {
    const headers = { 'docker-content-digest': sha512(Buffer.from('another')) };
    world.spoil(world.source, 'GET manifests', { instead: world.spoilt.manifest.bytes, headers });
    await world.resists('image-corrupt', sha512(world.spoilt.manifest.bytes));
  });

  it('to a HEAD fails its image alone when nothing matches it', async () => {
    await world.copy(['spoilt', 'good']);
    const headers = { 'docker-content-digest': `sha256:${'a'.repeat(64)}` };
    world.spoil(world.source, 'HEAD manifests', { instead: Buffer.alloc(0), headers });
    await world.resists('image-missing', 'no such manifest');
  });
});

describe('an image with SHA-512 digests', () => {
  it('is copied when only the registry names its manifest so', async () => {
    const headers = { 'docker-content-digest': sha512(world.spoilt.manifest.bytes) };
    world.spoil(world.source, 'GET manifests', { instead: world.spoilt.manifest.bytes, headers });
    expect((await world.succeeds()).sourceDigest).toBe(world.spoilt.manifest.digest);
  });

  it('fails alone and says that ECR does not support them', async () => {
    const digest = sha512(world.layer.bytes);
    world.tag({ schemaVersion: 2, layers: [{ mediaType: layer, digest, size: world.layer.bytes.length }] });
    await world.resists('image-unsupported', 'ECR supports SHA-256 digests only');
  });

  it('fails alone when its reference is pinned to one, before any request', async () => {
    const image = {
      ...world.wanted('spoilt'),
      source: `${world.source.host}/spoilt@sha512:${'a'.repeat(128)}`,
    };
    const [failed, good] = await world.engine().copy([image, world.wanted('good')], world.options());
    expectFailure(failed, 'image-unsupported', '/spoilt');
    expect(good?.state).toBe('copied');
    expect(world.source.seen.map(({ repository }) => repository)).not.toContain('spoilt');
  });
});
