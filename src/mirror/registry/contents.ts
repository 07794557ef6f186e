import { type RepositoryLocation, readBlob } from './read-blob.ts';
import { SharedWork } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ContentCache } from '../../clients/registry/cache.ts';
import { CorruptContent, type Digest } from '../../clients/registry/digest.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import {
  type Descriptor,
  maxManifestBytes,
  type Manifest,
  parseManifest,
} from '../../clients/registry/manifest.ts';

const locationKey = ({ registry, repository }: RepositoryLocation): string =>
  `${registry.name}/${repository}`;

/** A failed fetch. Only callers that would query the same registry fail with it. */
class FetchFailure extends Error {
  /** The repository, and what was requested from it. */
  readonly origin: string;

  constructor(origin: string, cause: unknown) {
    super('the content could not be fetched', { cause });
    this.origin = origin;
  }
}

/**
 * Manifests and configs by digest, from the cache or from their repository. Each is fetched once, however many
 * need it.
 */
export class Contents {
  readonly #cache: ContentCache;
  readonly #fetches = new SharedWork<Buffer>();
  readonly #types = new Map<Digest, string>();

  constructor(cache: ContentCache) {
    this.#cache = cache;
  }

  /** The manifest that a tag currently points to; undefined when there is none. */
  async tagged(
    location: RepositoryLocation,
    tag: string,
    call: RequestContext,
  ): Promise<Manifest | undefined> {
    const raw = await location.registry.getManifest(location.repository, tag, call);
    if (!raw) return undefined;
    const manifest = parseManifest(
      raw.bytes,
      raw.mediaType,
      `could not read the manifest of ${locationKey(location)}:${tag}`,
    );
    await this.keep(manifest);
    return manifest;
  }

  /** @throws BootstrapError `image-missing` when the repository does not have it */
  async manifest(location: RepositoryLocation, digest: Digest, call: RequestContext): Promise<Manifest> {
    const bytes = await this.#once(digest, locationKey(location), call, async (shared) => {
      const raw = await location.registry.getManifest(location.repository, digest, shared);
      if (!raw) throw missing(location, digest);
      this.#types.set(digest, raw.mediaType);
      return raw.bytes;
    });
    return parseManifest(
      bytes,
      this.#types.get(digest) ?? '',
      `could not read the manifest ${locationKey(location)}@${digest}`,
    );
  }

  /** An image's config, verified. */
  config(location: RepositoryLocation, config: Descriptor, call: RequestContext): Promise<Buffer> {
    return this.#once(config.digest, `${locationKey(location)} ${config.size}`, call, async (shared) => {
      if (config.size > maxManifestBytes) {
        throw new BootstrapError({
          code: 'image-unsupported',
          what: `could not read the config of ${locationKey(location)}`,
          why: `it has ${config.size} bytes`,
          hint: 'Use another image; a valid config has a few thousand bytes.',
        });
      }
      const chunks: Buffer[] = [];
      for await (const chunk of readBlob(location, config, shared)) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  /** A manifest and all that it refers to, each once, as far as they are in the cache and valid. */
  async family(digest: Digest): Promise<readonly Manifest[]> {
    const found = new Map<Digest, Manifest>();
    const queue = new Set([digest]);
    for (const next of queue) {
      const bytes = await this.#cache.get(next);
      const manifest = bytes && this.#parseCached(next, bytes);
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

  #parseCached(digest: Digest, bytes: Buffer): Manifest | undefined {
    try {
      return parseManifest(bytes, this.#types.get(digest) ?? '', `could not read the manifest ${digest}`);
    } catch (error) {
      if (error instanceof BootstrapError || error instanceof CorruptContent) return undefined;
      throw error;
    }
  }

  /** Shares the fetch of another image, but not its failure: then this image queries its own repository. */
  async #once(
    digest: Digest,
    origin: string,
    call: RequestContext,
    fetch: (call: RequestContext) => Promise<Buffer>,
  ): Promise<Buffer> {
    const work = async (signal: AbortSignal): Promise<Buffer> => {
      try {
        const cached = await this.#cache.get(digest);
        if (cached) return cached;
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

function missing(location: RepositoryLocation, digest: Digest): BootstrapError {
  return new BootstrapError({
    code: 'image-missing',
    what: `could not get the manifest ${locationKey(location)}@${digest}`,
    why: 'the registry has no such manifest',
    hint: 'Check the reference. If the tag has just moved, run the same command again.',
  });
}
