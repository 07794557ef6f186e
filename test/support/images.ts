import type { Digest } from '../../src/clients/registry/digest.ts';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** Content with its digest. */
export interface Blob {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A small image that real engines accept. Its layers are gzipped tars, and its config lists their digests. */
export interface TestImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Blob[];
  /** The layers as an engine unpacks them. */
  readonly tars: readonly Buffer[];
  readonly platform: TestPlatform;
}

export interface TestPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export const sha256 = (bytes: Buffer): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;

/** @param files the contents of one file per layer */
export function makeImage(platform: TestPlatform, files: readonly (string | Buffer)[]): TestImage {
  const tars = files.map((content, index) => makeTar(`file-${index}`, Buffer.from(content)));
  const layers = tars.map((tar) => makeBlob(mediaTypes.layer, gzipSync(tar)));
  const config = jsonBlob(mediaTypes.config, {
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
    history: tars.map(() => ({ created_by: 'a test' })),
  });
  const manifest = jsonBlob(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
  return { manifest, config, layers, tars, platform };
}

/** Builds an index of several images. */
export function makeIndex(images: readonly TestImage[]): Blob {
  return jsonBlob(mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.map(({ manifest, platform }) => ({ ...descriptor(manifest), platform })),
  });
}

/** Builds an archive for `docker load`. */
export function makeArchive({ config, tars }: TestImage, reference: string): Buffer {
  const layers = tars.map((tar, index) => ({ name: `layer-${index}.tar`, tar }));
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: layers.map(({ name }) => name) }];
  return Buffer.concat([
    tarEntry('config.json', config.bytes),
    ...layers.map(({ name, tar }) => tarEntry(name, tar)),
    tarEntry('manifest.json', Buffer.from(JSON.stringify(manifest))),
    endOfTar,
  ]);
}

export const makeBlob = (mediaType: string, bytes: Buffer): Blob => ({
  digest: sha256(bytes),
  mediaType,
  bytes,
});

export const jsonBlob = (mediaType: string, value: unknown): Blob =>
  makeBlob(mediaType, Buffer.from(JSON.stringify(value)));

export const descriptor = ({ mediaType, digest, bytes }: Blob): object => ({
  mediaType,
  digest,
  size: bytes.length,
});

const blockSize = 512;
const endOfTar = Buffer.alloc(2 * blockSize);

const makeTar = (name: string, content: Buffer): Buffer => Buffer.concat([tarEntry(name, content), endOfTar]);

function tarEntry(name: string, content: Buffer): Buffer {
  return Buffer.concat([tarHeader(name, content.length), content, tarPadding(content.length)]);
}

/** The header of a file in the ustar format of POSIX.1-1988. */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, '0');
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)}\0 `, 148);
  return header;
}

/** The padding after a file's content. */
const tarPadding = (size: number): Buffer => Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
