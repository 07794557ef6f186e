import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { run } from '../process.ts';

/** A compressed layer in memory. */
export interface Layer {
  readonly blob: Buffer;
  /** The digest of the uncompressed tar, which the image's config lists. */
  readonly diffId: string;
}

export interface Image {
  readonly layers: readonly Layer[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  /** For example `linux/amd64`. One platform makes an image, several make an index. */
  readonly platforms: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

const type = (kind: string) => `application/vnd.oci.image.${kind}`;
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Packs a folder as a layer file. Equal content gives equal bytes. */
export async function packLayer(folder: string, file: string, log: string): Promise<void> {
  const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', ['-C', folder, ...reproducible, '-I', 'gzip -n', '-cf', file, '.'], { log });
}

export async function readLayer(file: string): Promise<Layer> {
  const blob = await readFile(file);
  return { blob, diffId: digestOf(gunzipSync(blob)) };
}

/** Writes an image as an OCI layout (a folder that skopeo and containerd read) under the given reference name. */
export async function writeImage(folder: string, image: Image, name: string): Promise<void> {
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const add = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(bytes);
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (value: object, mediaType: string) => add(Buffer.from(JSON.stringify(value)), mediaType);

  const layers = await Promise.all(image.layers.map(({ blob }) => add(blob, type('layer.v1.tar+gzip'))));
  const addManifest = async (platform: string): Promise<Descriptor> => {
    const [os = '', architecture = ''] = platform.split('/');
    const config = await addJson(
      {
        os,
        architecture,
        config: { Entrypoint: image.entrypoint, Cmd: image.command, Env: image.env ?? [] },
        rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
      },
      type('config.v1+json'),
    );
    const mediaType = type('manifest.v1+json');
    const manifest = await addJson({ schemaVersion: 2, mediaType, config, layers }, mediaType);
    return { ...manifest, platform: { os, architecture } };
  };

  const manifests = await Promise.all(image.platforms.map(addManifest));
  const [only] = manifests;
  const mediaType = type('index.v1+json');
  const top =
    manifests.length === 1 && only !== undefined
      ? only
      : await addJson({ schemaVersion: 2, mediaType, manifests }, mediaType);
  const annotations = {
    'org.opencontainers.image.ref.name': name.split(':').at(-1) ?? name,
    'io.containerd.image.name': name,
  };
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const index = { schemaVersion: 2, mediaType, manifests: [{ ...top, annotations }] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
}
