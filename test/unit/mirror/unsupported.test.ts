import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MirrorWorld } from '../../support/mirror.ts';

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const empty = Buffer.alloc(0);

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

/** Adds a manifest to a repository at the source, with a blob that it may refer to. */
function put(name: string, mediaType: string, fields: (blob: object) => object): void {
  const source = world.source('quay.io');
  source.seed(name, 'base');
  const repository = source.repositories.get(name);
  if (!repository) throw new Error('it was seeded');
  const [[digest, content] = ['', empty] as const] = repository.blobs;
  const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: content.length };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields(blob) }));
  const manifest = { digest: digestOf(bytes), mediaType, bytes, pushedAt: 0 };
  repository.manifests.set(manifest.digest, manifest);
  repository.tags.set('1', manifest.digest);
}

async function errorOf(name: string) {
  const [result] = await world.copy([`quay.io/${name}:1`], { engine: 'registry' });
  return result?.error;
}

it("reports with ECR's message that ECR does not store an empty blob", async () => {
  const blobs = [{ digest: digestOf(empty), content: empty }];
  world.source('quay.io').seed('empty', '1', { blobs });
  expect(await errorOf('empty')).toMatchObject({
    code: 'image-unsupported',
    why: expect.stringContaining('does not have any parts') as string,
    hint: expect.not.stringContaining('same command') as string,
  });
});

it("reports with ECR's message that ECR does not accept a type of artifact", async () => {
  put('attested', 'application/vnd.oci.image.manifest.v1+json', (blob) => ({
    artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
    config: blob,
    layers: [],
  }));
  expect(await errorOf('attested')).toMatchObject({
    code: 'image-unsupported',
    why: expect.stringContaining('Invalid JSON syntax') as string,
    hint: expect.stringContaining('--platform') as string,
  });
});

it("reports with ECR's message that ECR does not accept a type of manifest", async () => {
  const mediaType = 'application/vnd.oci.artifact.manifest.v1+json';
  put('artifact', mediaType, (blob) => ({ artifactType: 'application/vnd.example', blobs: [blob] }));
  expect(await errorOf('artifact')).toMatchObject({
    code: 'image-unsupported',
    why: expect.stringContaining(mediaType) as string,
  });
});

it('copies an image whose manifest has no media type and is served as JSON', async () => {
  world.source('quay.io').seed('typeless', '1');
  const repository = world.source('quay.io').repositories.get('typeless');
  const [manifest] = repository?.manifests.values() ?? [];
  if (!repository || !manifest) throw new Error('it was seeded');
  const { mediaType: _, ...fields } = JSON.parse(manifest.bytes.toString()) as Record<string, unknown>;
  const bytes = Buffer.from(JSON.stringify(fields));
  const digest = digestOf(bytes);
  repository.manifests.set(digest, { digest, mediaType: 'application/json', bytes, pushedAt: 0 });
  repository.tags.set('1', digest);
  const [result] = await world.copy(['quay.io/typeless:1'], { engine: 'registry' });
  expect(result).toMatchObject({ state: 'copied', targetDigest: digest });
});
