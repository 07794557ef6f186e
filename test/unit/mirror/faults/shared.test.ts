import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WantedImage } from '../../../../src/images/wanted.ts';
import { makeImage, makeIndex, mediaTypes, sha256 } from '../../../support/images.ts';
import { OciServer } from '../../../support/oci-server.ts';
import { EngineWorld } from '../../../support/registry-engine.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const first = makeImage(amd64, ['shared', 'first']);
/** Larger, so that the source of the first image is used first. */
const second = makeImage(amd64, ['shared', randomBytes(1000)]);
const [sharedLayer] = first.layers;

let world: EngineWorld;
let other: OciServer;
beforeEach(async () => {
  world = await EngineWorld.start();
  other = await OciServer.start();
});
afterEach(async () => {
  await other.close();
  await world.close();
});

function wanted(server: OciServer, name: string, repository: string, tag = '1'): WantedImage {
  world.target.repository(repository);
  return { source: `${server.host}/${name}:1`, repository, tag, wantedBy: ['test'] };
}

async function states(images: readonly WantedImage[]): Promise<string[]> {
  const results = await world.engine().copy(images, world.options());
  return results.map(({ state, error }) => error?.code ?? state);
}

const refusing = (kind: string, reference: (text: string) => boolean) => {
  world.source.misbehavior = (seen) =>
    seen.kind === kind && reference(seen.reference) ? { status: 403, body: '{}' } : undefined;
};

describe('an image whose registry rejects a request for content that another registry provides', () => {
  it('does not fail the other image when both have the same index', async () => {
    const children = [makeImage(amd64, ['a']), makeImage(arm64, ['b'])];
    world.source.put('x', '1', children, makeIndex(children));
    other.put('x', '1', children, makeIndex(children));
    refusing('GET manifests', (reference) => reference.startsWith('sha256:'));
    const images = [wanted(world.source, 'x', 'p/refused'), wanted(other, 'x', 'p/given')];
    expect(await states(images)).toEqual(['registry-denied', 'copied']);
  });

  it('does not fail the other image when both have the same config', async () => {
    world.source.put('x', '1', [first]);
    other.put('x', '1', [first]);
    refusing('GET blobs', () => true);
    const images = [wanted(world.source, 'x', 'p/refused'), wanted(other, 'x', 'p/given')];
    expect(await states(images)).toEqual(['registry-denied', 'copied']);
  });

  it('leaves a shared layer to the source of another image of the same repository', async () => {
    world.source.put('x', '1', [first]);
    other.put('y', '1', [second]);
    refusing('GET blobs', (reference) => reference === sharedLayer?.digest);
    const images = [wanted(world.source, 'x', 'p/one', 'x'), wanted(other, 'y', 'p/one', 'y')];
    expect(await states(images)).toEqual(['copied', 'copied']);
    expect(world.target.repository('p/one').blobs.has(String(sharedLayer?.digest))).toBe(true);
  });

  it('reports the error of its own source when no source provides a shared layer', async () => {
    world.source.put('x', '1', [first]);
    other.put('y', '1', [second]);
    refusing('GET blobs', (reference) => reference === sharedLayer?.digest);
    other.misbehavior = ({ kind, reference }) =>
      kind === 'GET blobs' && reference === sharedLayer?.digest ? { status: 404, body: '{}' } : undefined;
    const images = [wanted(world.source, 'x', 'p/one', 'x'), wanted(other, 'y', 'p/one', 'y')];
    expect(await states(images)).toEqual(['registry-denied', 'registry-failed']);
  });
});

it('does not fail an image when another image of its repository has a wrong length for a shared layer', async () => {
  const size = String(sharedLayer?.bytes.length);
  const text = first.manifest.bytes.toString().replace(`"size":${size}`, '"size":7');
  const bytes = Buffer.from(text);
  const liar = { ...first, manifest: { ...first.manifest, bytes, digest: sha256(bytes) } };
  world.source.put('x', '1', [liar]);
  other.put('y', '1', [second]);
  const images = [wanted(world.source, 'x', 'p/one', 'x'), wanted(other, 'y', 'p/one', 'y')];
  expect((await states(images))[1]).toBe('copied');
});

it('requests a layer that two images of one repository share only once', async () => {
  world.source.put('x', '1', [first]);
  other.put('y', '1', [second]);
  const images = [wanted(world.source, 'x', 'p/one', 'x'), wanted(other, 'y', 'p/one', 'y')];
  expect(await states(images)).toEqual(['copied', 'copied']);
  const asked = [...world.source.requests, ...other.requests].filter(
    ({ kind, reference }) => kind === 'GET blobs' && reference === sharedLayer?.digest,
  );
  expect(asked).toHaveLength(1);
});

it('replaces a tag that another tool pointed at a manifest without content, and copies the others', async () => {
  world.source.put('x', '1', [first]);
  world.source.put('good', '1', [second]);
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, layers: [] }));
  const odd = { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes };
  const { manifests } = world.target.repository('p/x');
  manifests.set('1', odd).set(odd.digest, odd);
  const images = [wanted(world.source, 'x', 'p/x'), wanted(world.source, 'good', 'p/good')];
  const results = await world.engine().copy(images, world.options({ platforms: ['linux/amd64'] }));
  expect(results.map(({ state, error }) => error?.message ?? state)).toEqual(['moved', 'copied']);
});
