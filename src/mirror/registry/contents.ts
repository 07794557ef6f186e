import { type RepositoryLocation, readBlob } from './read-blob.ts';
import { SharedWork } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ContentCache } from '../../clients/registry/cache.ts';
import { CorruptContent, type Digest } from '../../clients/registry/digest.ts';
import type { Call } from '../../clients/registry/host.ts';
import {
  type Descriptor,
  maxManifestBytes,
  type Manifest,
  parseManifest,
} from '../../clients/registry/manifest.ts';

const locationKey = ({ registry, repository }: RepositoryLocation): string =>
  `${registry.name}/${repository}`;

/** A fetch failed: only callers that would ask the same place fail with it. */
class FetchFailure extends Error {
  /** The place, and how it was asked. */
  readonly origin: string;

  constructor(origin: string, cause: unknown) {
    super('the content could not be fetched', { cause });
    this.origin = origin;
  }
}

/** Manifests and configs by digest, from the cache where it has them, else from their place: once, however many ask. */
export class Contents {
  readonly #cache: ContentCache;
  readonly #fetches = new SharedWork<Buffer>();
  readonly #types = new Map<Digest, string>();

  constructor(cache: ContentCache) {
    this.#cache = cache;
  }

  /** The manifest that a tag points at now. Undefined when there is none. */
  async tagged(place: RepositoryLocation, tag: string, call: Call): Promise<Manifest | undefined> {
    const raw = await place.registry.getManifest(place.repository, tag, call);
    if (!raw) return undefined;
    const manifest = parseManifest(
      raw.bytes,
      raw.mediaType,
      `read the manifest of ${locationKey(place)}:${tag}`,
    );
    await this.keep(manifest);
    return manifest;
  }

  /** @throws BootstrapError `image-missing` when the place does not have it */
  async manifest(place: RepositoryLocation, digest: Digest, call: Call): Promise<Manifest> {
    const bytes = await this.#once(digest, locationKey(place), call, async (shared) => {
      const raw = await place.registry.getManifest(place.repository, digest, shared);
      if (!raw) throw missing(place, digest);
      this.#types.set(digest, raw.mediaType);
      return raw.bytes;
    });
    return parseManifest(
      bytes,
      this.#types.get(digest) ?? '',
      `read the manifest ${locationKey(place)}@${digest}`,
    );
  }

  /** An image's config, verified. */
  config(place: RepositoryLocation, config: Descriptor, call: Call): Promise<Buffer> {
    return this.#once(config.digest, `${locationKey(place)} ${config.size}`, call, async (shared) => {
      if (config.size > maxManifestBytes) {
        throw new BootstrapError({
          code: 'image-unsupported',
          what: `read the config of ${locationKey(place)}`,
          why: `it has ${config.size} bytes`,
          hint: 'Name another image; a config has a few thousand bytes.',
        });
      }
      const chunks: Buffer[] = [];
      for await (const chunk of readBlob(place, config, shared)) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  /** What is at hand without a request. */
  held(digest: Digest): Promise<Buffer | undefined> {
    return this.#cache.get(digest);
  }

  /** A manifest and those that it refers to, each once, as far as they are at hand and can be read. */
  async family(digest: Digest): Promise<readonly Manifest[]> {
    const found = new Map<Digest, Manifest>();
    const queue = new Set([digest]);
    for (const next of queue) {
      const bytes = await this.#cache.get(next);
      const manifest = bytes && this.#readable(next, bytes);
      if (!manifest) continue;
      found.set(next, manifest);
      for (const child of manifest.children) queue.add(child.digest);
    }
    return [...found.values()];
  }

  async keep({ digest, mediaType, bytes }: Manifest): Promise<void> {
    this.#types.set(digest, mediaType);
    await this.#cache.put(digest, bytes);
  }

  #readable(digest: Digest, bytes: Buffer): Manifest | undefined {
    try {
      return parseManifest(bytes, this.#types.get(digest) ?? '', `read the manifest ${digest}`);
    } catch (error) {
      if (error instanceof BootstrapError || error instanceof CorruptContent) return undefined;
      throw error;
    }
  }

  /** Another image's fetch serves this one too, but its failure does not: this one then asks its own place. */
  async #once(
    digest: Digest,
    origin: string,
    call: Call,
    fetch: (call: Call) => Promise<Buffer>,
  ): Promise<Buffer> {
    const work = async (signal: AbortSignal): Promise<Buffer> => {
      try {
        const held = await this.#cache.get(digest);
        if (held) return held;
        const bytes = await fetch({ ...call, signal });
        await this.#cache.put(digest, bytes);
        return bytes;
      } catch (error) {
        throw new FetchFailure(origin, error);
      }
    };
    for (;;) {
      try {
        return await this.#fetches.join(digest, call.signal, work);
      } catch (error) {
        if (!(error instanceof FetchFailure)) throw error;
        if (error.origin === origin) throw error.cause;
      }
    }
  }
}

function missing(place: RepositoryLocation, digest: Digest): BootstrapError {
  return new BootstrapError({
    code: 'image-missing',
    what: `get the manifest ${locationKey(place)}@${digest}`,
    why: 'the registry has no such manifest',
    hint: 'Check the reference; if the tag moved meanwhile, run the same command again.',
  });
}
