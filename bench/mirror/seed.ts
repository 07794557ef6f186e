import { createCipheriv, createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { createNet } from '../../src/clients/net/index.ts';
import type { Registry } from '../../src/clients/registry/client.ts';
import type { Digest } from '../../src/clients/registry/digest.ts';
import type { Call } from '../../src/clients/registry/host.ts';
import { openRegistries } from '../../src/clients/registry/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { endOfTar, mediaTypes, sha256, tarHeader, tarPadding } from '../../test/support/images.ts';
import type { ImageSet, ImageSpec, LayerSpec } from './images.ts';

export const tag = '1';

interface Layer {
  readonly digest: Digest;
  readonly size: number;
  /** The digest of the tar. */
  readonly diffId: string;
  /** The first repository that got the layer; the others mount it from there. */
  readonly from: string;
}

/** A Docker engine copies one platform: the first. */
const architectures = ['amd64', 'arm64', 'arm', 's390x', 'ppc64le'];

/** Fills a registry with a set. Resolves to the digest under {@link tag} in each repository. */
export async function seed(
  { images }: ImageSet,
  address: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Digest>> {
  const anonymous = { find: () => Promise.resolve(undefined), credential: () => Promise.resolve(undefined) };
  const net = createNet();
  const registries = openRegistries({ net, clock: systemClock, credentials: anonymous });
  const seeder = new Seeder(registries.own(address, { ...anonymous, hint: '' }, {}), { signal });
  const digests = new Map<string, Digest>();
  try {
    for (const image of images) digests.set(image.repository, await seeder.push(image));
  } finally {
    await net.close();
  }
  return digests;
}

class Seeder {
  readonly #registry: Registry;
  readonly #call: Call;
  readonly #layers = new Map<string, Layer>();

  constructor(registry: Registry, call: Call) {
    this.#registry = registry;
    this.#call = call;
  }

  /** @returns the digest of the image's manifest or index */
  async push({ repository, platforms }: ImageSpec): Promise<Digest> {
    const manifests: object[] = [];
    for (const [index, specs] of platforms.entries()) {
      const platform = { os: 'linux', architecture: architectures[index] };
      const layers: Layer[] = [];
      for (const spec of specs) layers.push(await this.#layer(repository, spec));
      const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
      // The label gives each repository a config of its own.
      const config = json({ ...platform, config: { Labels: { repository } }, rootfs });
      await this.#upload(repository, config.digest, config.size, config.bytes);
      const manifest = {
        config: { mediaType: mediaTypes.config, digest: config.digest, size: config.size },
        layers: layers.map(({ digest, size }) => ({ mediaType: mediaTypes.layer, digest, size })),
      };
      const isOnly = platforms.length === 1;
      const pushed = await this.#manifest(repository, mediaTypes.manifest, manifest, isOnly);
      if (isOnly) return pushed.digest;
      manifests.push({ ...pushed, platform });
    }
    return (await this.#manifest(repository, mediaTypes.index, { manifests }, true)).digest;
  }

  async #layer(repository: string, spec: LayerSpec): Promise<Layer> {
    const known = this.#layers.get(spec.seed);
    if (known) {
      await this.#registry.startUpload(repository, known, this.#call);
      return known;
    }
    const [plain, packed] = [createHash('sha256'), createHash('sha256')];
    let size = 0;
    for await (const chunk of hashed(packedLayer(spec, plain), packed)) size += chunk.length;
    const digests = { digest: hex(packed), diffId: hex(plain) };
    await this.#upload(repository, digests.digest, size, packedLayer(spec));
    const layer = { ...digests, size, from: repository };
    this.#layers.set(spec.seed, layer);
    return layer;
  }

  async #upload(repository: string, digest: Digest, size: number, body: Buffer | AsyncIterable<Buffer>) {
    const upload = await this.#registry.startUpload(repository, undefined, this.#call);
    if (upload) await this.#registry.upload(repository, upload, { digest, size, body }, this.#call);
  }

  async #manifest(repository: string, mediaType: string, content: object, isTagged: boolean) {
    const { digest, size, bytes } = json({ schemaVersion: 2, mediaType, ...content });
    const reference = isTagged ? tag : digest;
    await this.#registry.putManifest(repository, reference, { digest, mediaType, bytes }, this.#call);
    return { mediaType, digest, size };
  }
}

const hex = (hash: Hash): Digest => `sha256:${hash.digest('hex')}` as Digest;

function json(value: object): { readonly digest: Digest; readonly size: number; readonly bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: sha256(bytes), size: bytes.length, bytes };
}

const chunkSize = 1 << 20;

/** Gzip without compression: the content would not shrink, and this is faster. */
const packedLayer = (spec: LayerSpec, plain?: Hash): AsyncIterable<Buffer> =>
  Readable.from(plain ? hashed(tar(spec), plain) : tar(spec)).pipe(createGzip({ level: 0, chunkSize }));

/** A tar with one file of random content: the key stream of a cipher, which is fast. */
function* tar({ seed, sizeBytes }: LayerSpec): Generator<Buffer> {
  yield tarHeader(seed, sizeBytes);
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(chunkSize);
  for (let left = sizeBytes; left > 0; left -= chunkSize)
    yield cipher.update(zeros.subarray(0, Math.min(left, chunkSize)));
  yield tarPadding(sizeBytes);
  yield endOfTar;
}

async function* hashed(chunks: Iterable<Buffer> | AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
