import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectFailure, FaultWorld, missingContent } from '../../../support/fault-world.ts';
import { makeImage, mediaTypes, sha256 } from '../../../support/images.ts';

let world: FaultWorld;
beforeEach(async () => {
  world = await FaultWorld.start();
});
afterEach(() => world.close());

const refusal = (code: string, message = '') => ({
  status: 400,
  body: JSON.stringify({ errors: [{ code, message }] }),
});

describe('a target that fails', () => {
  test('during an upload has no incomplete image, and a second run completes the copy', async () => {
    world.corrupt(world.target, 'PUT uploads', { cutAfter: 1_000_000, dies: true });
    const [failed] = await world.copy(['corrupted', 'good']);
    expectFailure(failed, 'registry-unreachable', '/corrupted');
    expect(world.tagged('corrupted')).toBeUndefined();
    expect(missingContent(world.target)).toEqual([]);
    await world.target.revive();
    world.target.misbehavior = () => undefined;
    const again = await world.copy(['corrupted', 'good']);
    expect(again.every(({ state }) => ['copied', 'current'].includes(state))).toBe(true);
    expect(missingContent(world.target)).toEqual([]);
  });

  test('for a moment gets each retry of an upload in a new session, and no PATCH', async () => {
    world.corrupt(world.target, 'PUT uploads', { cutAfter: 500_000 }, 1);
    await world.succeeds();
    expect(world.target.counts()).toMatchObject({ 'POST uploads': 3, 'PUT uploads': 3 });
    expect(world.target.counts()['PATCH uploads']).toBeUndefined();
  });

  test('repeatedly at one upload fails only its image', async () => {
    world.corrupt(world.target, 'PUT uploads', { cutAfter: 10 });
    await world.failsAlone('registry-failed');
  });
});

describe('a repository', () => {
  test('that is deleted during the copy fails only its image, with how to recreate it', async () => {
    world.target.misbehavior = ({ kind, repository }) => {
      if (kind === 'PUT uploads' && repository === 'p/corrupted')
        world.target.repositories.delete('p/corrupted');
      return undefined;
    };
    const { error } = await world.failsAlone('registry-failed');
    expect(error?.hint).toContain('creates the repository');
  });
});

describe('a target that rejects', () => {
  test('the content of a blob fails only its image', async () => {
    world.corrupt(world.target, 'PUT uploads', refusal('DIGEST_INVALID', 'provided digest did not match'));
    await world.failsAlone('registry-failed');
  });

  test('a manifest has no tag', async () => {
    world.corrupt(world.target, 'PUT manifests', refusal('MANIFEST_INVALID'));
    await world.failsAlone('image-unsupported');
  });

  test('a child has no index', async () => {
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    const images = platforms.map((platform) => makeImage(platform, [platform.architecture]));
    const children = images.map(({ manifest: { mediaType, digest, bytes }, platform }) => ({
      mediaType,
      digest,
      size: bytes.length,
      platform,
    }));
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: children }),
    );
    world.source.put('corrupted', '1', images, { mediaType: mediaTypes.index, bytes, digest: sha256(bytes) });
    const [first, second] = images;
    let tries = 0;
    world.target.misbehavior = ({ kind, reference }) => {
      if (kind !== 'PUT manifests') return undefined;
      if (reference === first?.manifest.digest && (tries += 1) <= 2) return { status: 503 };
      return reference === second?.manifest.digest ? refusal('MANIFEST_INVALID') : undefined;
    };
    await world.failsAlone('image-unsupported');
    // The failure is reported when no request is in flight anymore.
    expect(tries).toBe(3);
  });

  test('a mount receives the blob by upload', async () => {
    world.source.put('other', '1', [world.good]);
    world.target.misbehavior = ({ kind, repository }) =>
      kind === 'POST uploads'
        ? { status: 202, headers: { location: `/v2/${repository}/blobs/uploads/1` } }
        : undefined;
    world.mounting = undefined;
    const results = await world.copy(['good', 'other']);
    expect(results.map(({ state, bytesMounted }) => [state, bytesMounted])).toEqual([
      ['copied', 0],
      ['copied', 0],
    ]);
    expect(missingContent(world.target)).toEqual([]);
    expect(world.target.repository('p/other').blobs.size).toBe(2);
  });
});

describe('a tag that must not move', () => {
  const immutable = refusal('TAG_INVALID', "The image tag '1' already exists and the tag is immutable.");

  test('counts as copied when another run concurrently put the same image', async () => {
    const { manifest } = world.corrupted;
    world.target.misbehavior = ({ kind, repository, reference }) => {
      if (kind !== 'PUT manifests' || repository !== 'p/corrupted' || reference !== '1') return undefined;
      world.target.repository('p/corrupted').manifests.set('1', manifest).set(manifest.digest, manifest);
      return immutable;
    };
    await world.succeeds();
  });

  test('fails only its image when it points to another one, which stays unchanged', async () => {
    world.target.put('p/corrupted', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['older'])]);
    const older = world.tagged('corrupted');
    world.corrupt(world.target, 'PUT manifests', immutable);
    const [failed, good] = await world.copy(['corrupted', 'good']);
    expectFailure(failed, 'registry-failed', '/corrupted');
    expect(failed?.error?.hint).toContain('immutable');
    expect(world.tagged('corrupted')).toBe(older);
    expect(good?.state).toBe('copied');
  });
});

test('sends no request for referrers to a registry that rejects it with 405, and copies a manifest with a subject', async () => {
  const { mediaType, digest, bytes } = world.good.manifest;
  const subject = { mediaType, digest, size: bytes.length };
  const fields = JSON.parse(world.good.manifest.bytes.toString()) as object;
  const signature = Buffer.from(JSON.stringify({ ...fields, artifactType: 'application/x', subject }));
  const manifest = { mediaType: mediaTypes.manifest, bytes: signature, digest: sha256(signature) };
  world.source.put('signature', '1', [world.good], manifest);
  const known = /(manifests|blobs|uploads)$/;
  world.source.misbehavior = world.target.misbehavior = ({ kind }) =>
    known.test(kind) ? undefined : { status: 405 };
  const [result] = await world.copy(['signature']);
  expect(result).toMatchObject({ state: 'copied', targetDigest: manifest.digest });
  expect([...world.source.requests, ...world.target.requests].every(({ kind }) => known.test(kind))).toBe(
    true,
  );
});
