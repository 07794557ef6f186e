import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectFailure } from '../../support/fault-world.ts';
import { HostileWorld } from '../../support/hostile-world.ts';
import type { Blob } from '../../support/images.ts';

let world: HostileWorld;
beforeEach(async () => {
  world = await HostileWorld.start();
});
afterEach(() => world.close());

const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

const amd64 = { os: 'linux', architecture: 'amd64' };
const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;

const descriptorOf = ({ mediaType, digest, bytes }: Blob, more: object = {}) => ({
  mediaType,
  digest,
  size: bytes.length,
  ...more,
});
const indexOf = (manifests: readonly object[], more: object = {}) => ({
  schemaVersion: 2,
  mediaType: indexType,
  manifests,
  ...more,
});

const badDigests = [
  '../../precious',
  '../../../precious',
  'sha256:../precious',
  'sha256:../../precious',
  'sha512:../../../precious',
  'sha256:/etc/passwd',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(64)}?x=`,
  'sha256:',
  'latest',
  '.',
];
const names = badDigests.map((_, index) => `hostile-${index}`);
const badDigestOf = (name: string) => badDigests[names.indexOf(name)];

describe('a registry that sends an invalid digest', () => {
  beforeEach(() => {
    for (const name of names) world.source.put(name, '1', [world.corrupted]);
  });

  it.each(['GET', 'HEAD'])(
    'in the header of a %s fails only these images and changes no file',
    async (method) => {
      if (method === 'HEAD') {
        await world.copy([...names, 'good']);
        await world.copyToLayout([...names, 'good']);
      }
      world.source.misbehavior = ({ kind, repository }) => {
        const bad = badDigestOf(repository);
        if (kind !== `${method} manifests` || bad === undefined) return undefined;
        return { instead: world.corrupted.manifest.bytes, headers: { 'docker-content-digest': bad } };
      };
      await world.resists('image-corrupt', 'invalid Docker-Content-Digest header', { names });
      const planned = await world.engine().plan(
        names.map((name) => world.wanted(name)),
        world.options(),
      );
      for (const [index, name] of names.entries()) expectFailure(planned[index], 'image-corrupt', name);
    },
  );

  it.each([
    ['of the child of an index', (bad: object) => indexOf([{ mediaType: manifestType, size: 2, ...bad }])],
    ['of a config', (bad: object) => ({ config: { mediaType: configType, size: 2, ...bad }, layers: [] })],
    ['of a layer', (bad: object) => ({ layers: [{ mediaType: layerType, size: 2, ...bad }] })],
  ])('%s fails only these images and changes no file', async (_, manifest) => {
    for (const name of names) world.tag(manifest({ digest: badDigestOf(name) }), manifestType, name);
    await world.resists('image-corrupt', 'without a valid digest', { names });
  });
});

describe('a registry that sends a wrong digest', () => {
  it('in the header of a GET fails only its image', async () => {
    const headers = { 'docker-content-digest': `sha256:${'a'.repeat(64)}` };
    world.corrupt(world.source, 'GET manifests', { instead: world.corrupted.manifest.bytes, headers });
    await world.resists('image-corrupt', `for sha256:${'a'.repeat(64)}`);
  });

  it('of SHA-512 in the header of a GET fails only its image', async () => {
    const headers = { 'docker-content-digest': sha512(Buffer.from('another')) };
    world.corrupt(world.source, 'GET manifests', { instead: world.corrupted.manifest.bytes, headers });
    await world.resists('image-corrupt', sha512(world.corrupted.manifest.bytes));
  });

  it('in the header of a HEAD fails only its image when there is no such manifest', async () => {
    await world.copy(['corrupted', 'good']);
    await world.copyToLayout(['corrupted', 'good']);
    const headers = { 'docker-content-digest': `sha256:${'a'.repeat(64)}` };
    world.corrupt(world.source, 'HEAD manifests', { instead: Buffer.alloc(0), headers });
    await world.resists('image-missing', 'no such manifest');
  });
});

describe('an image with SHA-512 digests', () => {
  it('is copied when only the registry uses SHA-512, for its manifest', async () => {
    const headers = { 'docker-content-digest': sha512(world.corrupted.manifest.bytes) };
    world.corrupt(world.source, 'GET manifests', { instead: world.corrupted.manifest.bytes, headers });
    expect((await world.succeeds()).sourceDigest).toBe(world.corrupted.manifest.digest);
  });

  it('fails alone and reports that ECR does not support them', async () => {
    const digest = sha512(world.layer.bytes);
    world.tag({ layers: [{ mediaType: layerType, digest, size: world.layer.bytes.length }] });
    await world.resists('image-unsupported', 'ECR supports SHA-256 digests only');
  });

  it('fails alone when its reference is pinned to one, before any request', async () => {
    const image = {
      ...world.wanted('corrupted'),
      source: `${world.source.host}/corrupted@sha512:${'a'.repeat(128)}`,
    };
    const [failed, good] = await world.engine().copy([image, world.wanted('good')], world.options());
    expectFailure(failed, 'image-unsupported', '/corrupted');
    expect(good?.state).toBe('copied');
    expect(world.source.requests.map(({ repository }) => repository)).not.toContain('corrupted');
  });
});

describe.each([
  ['all platforms', 'all'],
  ['one platform', ['linux/amd64']],
] as const)('when an image is copied for %s,', (_, platforms) => {
  /** Nested indexes around an image. Each lists the next one this many times. Returns the outermost one. */
  const nest = (levels: number, times: number): Blob => {
    let entries = Array.from({ length: times }, () =>
      descriptorOf(world.corrupted.manifest, { platform: amd64 }),
    );
    for (let level = 1; ; level += 1) {
      const index = indexOf(entries, { annotations: { level: String(level) } });
      if (level === levels) return world.tag(index, indexType);
      const held = world.hold(index, indexType);
      entries = Array.from({ length: times }, () => descriptorOf(held, { platform: amd64 }));
    }
  };

  it('three levels of indexes are read', async () => {
    nest(3, 1);
    const [result] = await world.copy(['corrupted'], { platforms });
    expect(result?.error?.message ?? result?.state).toBe('copied');
  });

  it('indexes that are nested deeper fail only that image', async () => {
    nest(5, 1);
    await world.resists('image-unsupported', 'nested more than 3 levels deep', { platforms });
  });

  it('a manifest that is listed many times is read once', async () => {
    nest(3, 300);
    const [result] = await world.copy(['corrupted'], { platforms });
    expect(result?.error?.message ?? result?.state).toBe('copied');
    expect(world.source.counts()['GET manifests']).toBe(4);
  });

  it('megabytes of indexes that list each other thousands of times fail only that image', async () => {
    nest(4, 1600);
    await world.resists('image-unsupported', 'more than 1,000 manifests', { platforms });
    expect(world.source.counts()['GET manifests']).toBeLessThan(6);
  });

  it('an index of more than 1,000 manifests fails only that image, before any of them is read', async () => {
    const children = Array.from({ length: 1001 }, (__, index) => ({
      mediaType: manifestType,
      digest: `sha256:${String(index).padStart(64, '0')}`,
      size: 500,
      platform: amd64,
    }));
    world.tag(indexOf(children), indexType);
    await world.resists('image-unsupported', 'more than 1,000 manifests', { platforms });
    expect(world.source.requests.filter(({ repository }) => repository === 'corrupted')).toHaveLength(1);
  });

  /** An index of 32 images, each of 3.9 MB. Its entries have these sizes. */
  const tagLargeManifests = (sizeOf: (bytes: Buffer) => number): void => {
    const padding = 'x'.repeat(3_900_000);
    const image = world.corrupted.manifest.bytes.toString();
    const children = Array.from({ length: 32 }, (__, index) => {
      const child = world.hold(image.replace('{', `{"annotations":{"${index}":"${padding}"},`));
      return descriptorOf(child, { platform: amd64, size: sizeOf(child.bytes) });
    });
    world.tag(indexOf(children), indexType);
  };

  it('manifests of more than 32 MiB in total fail only that image, before any of them is read', async () => {
    tagLargeManifests(({ length }) => length);
    await world.resists('image-unsupported', 'more than 32 MiB', { platforms });
    const read = world.source.requests.filter(({ repository }) => repository === 'corrupted');
    expect(new Set(read.map(({ reference }) => reference))).toEqual(new Set(['1']));
  });

  it('manifests of more than 32 MiB with smaller sizes in their index fail only that image', async () => {
    tagLargeManifests(() => 500);
    await world.resists('image-unsupported', 'more than 32 MiB', { platforms });
    const read = world.source.requests.filter(({ kind }) => kind === 'GET manifests');
    expect(new Set(read.map(({ reference }) => reference)).size).toBeLessThan(30);
  });
});

describe('a manifest', () => {
  const layer = (more: object) => ({
    layers: [{ mediaType: layerType, digest: `sha256:${'a'.repeat(64)}`, size: 2, ...more }],
  });

  it.each([
    ['whose size is negative', layer({ size: -1 }), 'no valid size'],
    ['whose size is fractional', layer({ size: 1.5 }), 'no valid size'],
    ['whose size is 1e300', layer({ size: 1e300 }), 'no valid size'],
    ['whose size is a text', layer({ size: '2' }), 'no valid size'],
    ['without a size', layer({ size: undefined }), 'no valid size'],
    ['whose layers are null', { layers: null }, 'follow the format'],
    ['whose layers are a text', { layers: 'all' }, 'follow the format'],
    ['whose layer is null', { layers: [null] }, 'without a valid digest'],
    ['whose config is null', { ...layer({}), config: null }, 'without a valid digest'],
    ['that is null', 'null', 'not a JSON object'],
    ['that is a number', '12', 'not a JSON object'],
    ['that is empty', '', 'not JSON'],
    ['that is nested a million times and not closed', '['.repeat(1e6), 'not JSON'],
    ['that is an index and an image', { ...layer({}), ...indexOf([]) }, 'both an index and an image'],
    ['whose media type breaks the line', { ...layer({}), mediaType: 'a/b\r\nx: y' }, 'invalid media type'],
    ['whose media type is a number', { ...layer({}), mediaType: 12 }, 'invalid media type'],
  ] as const)('%s fails only its image', async (_, manifest, why) => {
    world.tag(manifest);
    await world.resists('image-corrupt', why);
  });

  it('with a config and null layers fails only its image', async () => {
    world.tag({ config: descriptorOf(world.corrupted.config), layers: null });
    await world.resists('image-corrupt', 'follow the format');
  });

  it('of 5 MB fails only its image', async () => {
    world.tag({ ...layer({}), annotations: { padding: 'x'.repeat(5_000_000) } });
    await world.resists('image-unsupported', 'larger than the 4 MiB');
  });

  it('with an unrequested gzip encoding is not decompressed and fails only its image', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const headers = { 'content-encoding': 'gzip', 'docker-content-digest': world.corrupted.manifest.digest };
    world.corrupt(world.source, 'GET manifests', { instead: bomb, headers });
    await world.resists('image-corrupt', 'the registry sent sha256:');
  });

  it('that is longer than announced fails only its image', async () => {
    const answer = { 'content-length': '10', 'docker-content-digest': world.corrupted.manifest.digest };
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) => {
        const head = Object.entries(answer).map(([name, value]) => `${name}: ${value}\r\n`);
        response.socket?.end(
          `HTTP/1.1 200 OK\r\n${head.join('')}\r\n${world.corrupted.manifest.bytes.toString()}`,
        );
      },
    });
    await world.resists('image-corrupt', 'the registry sent sha256:');
  });

  it('that is shorter than announced fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', { announce: world.corrupted.manifest.bytes.length + 1 });
    await world.resists('registry-failed', 'the connection was reset');
  });

  it('with endless headers fails only its image, and is not requested again', async () => {
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) =>
        response.socket?.end(`HTTP/1.1 200 OK\r\n${'x-large: 0123456789\r\n'.repeat(10_000)}\r\n`),
    });
    await world.resists('registry-failed', 'headers of the answer are too large');
    expect(world.source.requests.filter(({ repository }) => repository === 'corrupted')).toHaveLength(1);
  });

  it('with names of JavaScript properties as keys is copied unchanged', async () => {
    const image = world.corrupted.manifest.bytes.toString();
    const polluted = image.replace(
      '{',
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
    );
    const child = world.hold(polluted);
    world.tag(
      JSON.stringify(
        indexOf([
          descriptorOf(child, { platform: amd64 }),
          descriptorOf(world.hold(image), {
            platform: { os: 'linux', architecture: 'arm64' },
          }),
        ]),
      ).replace('{', '{"__proto__":{"polluted":1},'),
      indexType,
    );
    for (const platforms of ['all', ['linux/amd64', 'linux/arm64']] as const) {
      const [result] = await world.copy(['corrupted'], { platforms });
      expect(result?.error?.message ?? result?.state).toMatch(/^(copied|current)$/);
    }
    expect(world.target.repository('p/corrupted').manifests.get(child.digest)?.bytes.toString()).toBe(
      polluted,
    );
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('an index', () => {
  it('that is nested a million times fails only its image when it must be rewritten', async () => {
    const both = (image: Blob) =>
      indexOf(
        ['amd64', 'arm64'].map((architecture) =>
          descriptorOf(image, { platform: { os: 'linux', architecture } }),
        ),
      );
    world.tag(both(world.good.manifest), indexType, 'good');
    const deep = `${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`;
    const { manifests } = both(world.corrupted.manifest);
    const more = descriptorOf(world.corrupted.manifest, { platform: { os: 'linux', architecture: 's390x' } });
    const index = JSON.stringify(indexOf([...manifests, more]));
    world.tag(index.replace('{', `{"annotations":${deep},`), indexType);
    await world.resists('image-unsupported', 'nested too deeply', {
      platforms: ['linux/amd64', 'linux/arm64'],
    });
  });

  it.each([
    'linux/amd64',
    null,
    12,
    [],
    { os: 'linux' },
    { os: { toString: 1 }, architecture: 'amd64' },
    { os: 'linux', architecture: ['amd64'] },
    { ...amd64, variant: { toString: null } },
  ])('whose platform is %j counts as an index without platforms', async (platform) => {
    world.tag(indexOf([descriptorOf(world.corrupted.manifest, { platform })]), indexType);
    for (const platforms of ['all', ['linux/amd64']] as const) {
      const [result] = await world.copy(['corrupted'], { platforms });
      expect(result?.error?.message ?? result?.state).toMatch(/^(copied|current)$/);
      expect(result?.platforms).toEqual([]);
    }
  });
});

describe('a registry that sends one byte per minute', () => {
  const slow = 'delivered less than 1 MiB in 5 minutes';

  it('of a manifest fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) => world.drip(response, world.corrupted.manifest.bytes),
    });
    await world.resists('registry-failed', slow);
  });

  it('of a layer fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', {
      answer: (response) => {
        response.writeHead(200, { 'content-length': world.layer.bytes.length });
        world.drip(response, world.layer.bytes);
      },
    });
    await world.resists('registry-failed', slow);
  });

  it('of an error fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) => {
        response.writeHead(400);
        world.drip(response, randomBytes(100_000));
      },
    });
    await world.resists('registry-failed', slow);
  });

  it('of a discarded body fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) => {
        response.writeHead(404);
        world.drip(response, randomBytes(100_000));
      },
    });
    await world.resists('image-missing', 'no such image');
  });

  it('of a token fails only its image', async () => {
    const realm = `http://${world.source.host}/v2/token/manifests/1`;
    const challenge = { 'www-authenticate': `Bearer realm="${realm}",service="s"` };
    world.source.misbehavior = ({ repository }) => {
      if (repository === 'token') return { answer: (response) => world.drip(response, randomBytes(100_000)) };
      return repository === 'corrupted' ? { status: 401, headers: challenge } : undefined;
    };
    await world.resists('registry-failed', slow);
  });

  it('of interim responses fails only its image', async () => {
    world.corrupt(world.source, 'GET manifests', {
      answer: (response) => {
        const timer = setInterval(() => {
          world.clock.advance(60_000);
          response.socket?.write('HTTP/1.1 103 Early Hints\r\n\r\n');
        }, 2);
        response.once('close', () => clearInterval(timer));
      },
    });
    await world.resists('registry-failed', slow);
  });
});

describe('a large layer', () => {
  it('may take hours when ECR is slow, as long as its source is not', async () => {
    world.target.hold = async () => {
      world.clock.advance(3_600_000);
      await Promise.resolve();
    };
    await world.succeeds();
  });
});

describe('an ECR registry that names another host for an upload', () => {
  it.each([
    ['https://elsewhere.example.com/upload', 'elsewhere.example.com'],
    ['file:///etc/passwd', 'file:///etc/passwd'],
    ['http://', 'http://'],
    ['//127.0.0.1:1/upload', '127.0.0.1:1'],
  ])('sends no content of the image to %s', async (location, place) => {
    world.corrupt(world.target, 'POST uploads', { status: 202, headers: { location } });
    await world.resists('registry-failed', `another host for the upload: ${place}`);
    expect(world.target.requests.filter(({ kind }) => kind === 'PUT uploads').length).toBeLessThan(3);
  });
});
