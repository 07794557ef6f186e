import { Agent, request, type Dispatcher } from 'undici';
import { mediaTypes, sha256 } from '../../test/support/images.ts';
import { openLayer } from './layer.ts';
import type { ImageSet, LayerSpec } from './sets.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Layer extends Descriptor {
  readonly diffId: string;
  /** The repository that it was pushed to first; others mount it from there. */
  readonly home: string;
}

/** The first is what an engine on this kind of machine takes when it takes one only. */
const architectures = ['amd64', 'arm64', 'arm', 's390x', 'ppc64le'];

export const tag = '1';

/** Fills a source registry with a set; resolves to each repository's digest under {@link tag}. */
export async function seed(
  set: ImageSet,
  address: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const seeder = new Seeder(address, signal);
  const digests = new Map<string, string>();
  try {
    for (const { repository, platforms } of set.images) {
      digests.set(repository, await seeder.image(repository, platforms));
    }
  } finally {
    await seeder.close();
  }
  return digests;
}

class Seeder {
  readonly #address: string;
  readonly #signal: AbortSignal;
  readonly #agent = new Agent();
  readonly #layers = new Map<string, Layer>();

  constructor(address: string, signal: AbortSignal) {
    this.#address = address;
    this.#signal = signal;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async image(repository: string, platforms: readonly (readonly LayerSpec[])[]): Promise<string> {
    const children: object[] = [];
    for (const [index, specs] of platforms.entries()) {
      const architecture = architectures[index % architectures.length];
      const child = await this.#platform(repository, specs, `${architecture}`, platforms.length === 1);
      children.push({ ...child, platform: { os: 'linux', architecture } });
      if (platforms.length === 1) return child.digest;
    }
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: children };
    return (await this.#manifest(repository, index, tag)).digest;
  }

  async #platform(
    repository: string,
    specs: readonly LayerSpec[],
    architecture: string,
    isOnly: boolean,
  ): Promise<Descriptor> {
    const layers: Layer[] = [];
    for (const spec of specs) layers.push(await this.#layer(repository, spec));
    const config = {
      os: 'linux',
      architecture,
      config: { Labels: { repository } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    };
    const bytes = Buffer.from(JSON.stringify(config));
    const digest = sha256(bytes);
    const uploaded = await this.#begin(repository);
    await this.#put(withQuery(uploaded, digest), bytes, 'application/octet-stream');
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest, size: bytes.length },
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    };
    return this.#manifest(repository, manifest, isOnly ? tag : undefined);
  }

  async #layer(repository: string, spec: LayerSpec): Promise<Layer> {
    const known = this.#layers.get(spec.seed);
    if (known) {
      const query = new URLSearchParams({ mount: known.digest, from: known.home }).toString();
      await this.#send('POST', `/v2/${repository}/blobs/uploads/?${query}`, 201);
      return known;
    }
    const { bytes, state } = openLayer(spec);
    const started = await this.#begin(repository);
    const type = { 'content-type': 'application/octet-stream' };
    const patched = await this.#send('PATCH', started, 202, type, bytes);
    const { digest, diffId, size } = state();
    await this.#put(
      withQuery(String(patched['location']), digest),
      Buffer.alloc(0),
      'application/octet-stream',
    );
    const layer = { mediaType: mediaTypes.layer, digest, diffId, size, home: repository };
    this.#layers.set(spec.seed, layer);
    return layer;
  }

  async #manifest(repository: string, value: { mediaType: string }, name?: string): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = sha256(bytes);
    await this.#put(`/v2/${repository}/manifests/${name ?? digest}`, bytes, value.mediaType);
    return { mediaType: value.mediaType, digest, size: bytes.length };
  }

  async #begin(repository: string): Promise<string> {
    return String((await this.#send('POST', `/v2/${repository}/blobs/uploads/`, 202))['location']);
  }

  async #put(path: string, body: Buffer, type: string): Promise<void> {
    await this.#send('PUT', path, 201, { 'content-type': type }, body);
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    expected: number,
    headers: Record<string, string> = {},
    body?: Buffer | AsyncIterable<Buffer>,
  ): Promise<Dispatcher.ResponseData['headers']> {
    const url = new URL(path, `http://${this.#address}`);
    // undici sends any async iterable; its types only name streams.
    const sent = body === undefined ? {} : { body: body as Buffer };
    const signal = this.#signal;
    const answer = await request(url, { method, headers, signal, dispatcher: this.#agent, ...sent });
    const text = await answer.body.text();
    if (answer.statusCode !== expected)
      throw new Error(`${method} ${url.href}: HTTP ${answer.statusCode} ${text}`);
    return answer.headers;
  }
}

const withQuery = (location: string, digest: string): string =>
  `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
