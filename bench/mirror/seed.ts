import { randomFillSync } from 'node:crypto';
import {
  type Blob,
  descriptor,
  jsonBlob,
  makeBlob,
  mediaTypes,
  type TestImage,
} from '../../test/support/images.ts';
import type { TestRegistry } from '../../test/support/registry.ts';
import type { ImageSet, LayerSpec } from './images.ts';

export const tag = '1';

const architectures = ['amd64', 'arm64', 'arm', 's390x', 'ppc64le'];

export interface Seeded {
  /** The digest under {@link tag} in each repository. */
  readonly digests: ReadonlyMap<string, string>;
  /** The size of all blobs, each once. */
  readonly uniqueBytes: number;
}

/** Fills a registry with a set. */
export async function seed({ images }: ImageSet, registry: TestRegistry): Promise<Seeded> {
  const layers = new Map<string, Blob>();
  const layerOf = ({ seed, sizeBytes }: LayerSpec): Blob => {
    const layer = layers.get(seed) ?? randomLayer(sizeBytes);
    layers.set(seed, layer);
    return layer;
  };
  const digests = new Map<string, string>();
  let uniqueBytes = 0;
  for (const { repository, platforms } of images) {
    const built = platforms.map((specs, index) =>
      imageOf(repository, architectures[index] ?? '', specs.map(layerOf)),
    );
    digests.set(repository, await registry.put(repository, tag, ...built));
    for (const { config } of built) uniqueBytes += config.bytes.length;
  }
  for (const { bytes } of layers.values()) uniqueBytes += bytes.length;
  return { digests, uniqueBytes };
}

/** @param repository is a label, so that each repository has a config of its own */
function imageOf(repository: string, architecture: string, layers: readonly Blob[]): TestImage {
  const platform = { os: 'linux', architecture };
  // No tool unpacks the layers, so these need not be the digests of their tars.
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = jsonBlob(mediaTypes.config, { ...platform, config: { Labels: { repository } }, rootfs });
  const manifest = jsonBlob(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
  return { platform, config, layers, manifest, tars: [] };
}

/** The start of a gzip file (RFC 1952). skopeo compresses layers without it. */
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

function randomLayer(sizeBytes: number): Blob {
  const bytes = randomFillSync(Buffer.allocUnsafe(sizeBytes));
  gzipHeader.copy(bytes);
  return makeBlob(mediaTypes.layer, bytes);
}
