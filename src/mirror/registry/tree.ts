import pLimit from 'p-limit';
import { BootstrapError } from '../../core/errors.ts';
import type { Digest } from '../../clients/registry/digest.ts';
import type { Descriptor, Manifest } from '../../clients/registry/manifest.ts';

/** Far more than any real image has, and few enough for the memory. */
const treeLimits = { levels: 3, manifests: 1000, manifestBytes: 32 * 1024 * 1024 } as const;

/** Concurrent reads of manifests. Bounds the memory. */
const maxReadsAtOnce = 16;

/**
 * The manifests of one image: its own and all that it refers to. Each is read once, and a registry cannot make
 * the tree larger than {@link treeLimits}.
 */
export class ManifestTree {
  readonly #root: Manifest;
  readonly #read: (digest: Digest) => Promise<Manifest>;
  readonly #what: string;
  readonly #signal: AbortSignal;
  readonly #known = new Map<Digest, Promise<Manifest>>();
  readonly #limit = pLimit(maxReadsAtOnce);
  #manifests = 1;
  #bytes = 0;
  #excess: BootstrapError | undefined;

  /** @param what the image, for error messages */
  constructor(
    root: Manifest,
    read: (digest: Digest) => Promise<Manifest>,
    { what, signal }: { readonly what: string; readonly signal: AbortSignal },
  ) {
    this.#root = root;
    this.#read = read;
    this.#what = what;
    this.#signal = signal;
    this.#count(root);
  }

  /** @throws BootstrapError `image-unsupported` when the image is too large */
  manifest(digest: Digest): Promise<Manifest> {
    const manifest = this.#known.get(digest) ?? this.#fetch(digest);
    this.#known.set(digest, manifest);
    return manifest;
  }

  /**
   * All manifests below the root, each before those that refer to it.
   * @param isFollowed whether an entry of an index is read
   * @throws BootstrapError `image-unsupported` when the image is too large
   */
  async below(isFollowed: (entry: Descriptor) => boolean = () => true): Promise<readonly Manifest[]> {
    const found = new Map<Digest, Manifest>();
    let level = [this.#root];
    for (let depth = 1; ; depth += 1) {
      const entries = level.flatMap(({ children }) => children.filter(isFollowed));
      if (entries.length === 0) return [...found.values()].reverse();
      if (depth > treeLimits.levels) {
        throw this.#unsupported(`its indexes are nested more than ${treeLimits.levels} levels deep`);
      }
      const digests = [...new Set(entries.map(({ digest }) => digest))];
      level = await Promise.all(digests.map((digest) => this.manifest(digest)));
      for (const manifest of level) {
        // A manifest that is referenced again at this level must come before the ones that refer to it.
        found.delete(manifest.digest);
        found.set(manifest.digest, manifest);
      }
    }
  }

  #fetch(digest: Digest): Promise<Manifest> {
    return this.#limit(async () => {
      this.#signal.throwIfAborted();
      if (this.#excess) throw this.#excess;
      const manifest = await this.#read(digest);
      this.#count(manifest);
      return manifest;
    });
  }

  #count({ children, bytes }: Manifest): void {
    this.#manifests += children.length;
    this.#bytes += bytes.length;
    const { manifests, manifestBytes } = treeLimits;
    if (this.#manifests > manifests) {
      this.#excess = this.#unsupported(
        `it consists of more than ${manifests.toLocaleString('en-US')} manifests`,
      );
    } else if (this.#bytes > manifestBytes) {
      this.#excess = this.#unsupported(
        `its manifests have more than ${manifestBytes / 1024 / 1024} MiB together`,
      );
    }
    if (this.#excess) throw this.#excess;
  }

  #unsupported(why: string): BootstrapError {
    return new BootstrapError({
      code: 'image-unsupported',
      what: this.#what,
      why,
      hint: 'Mirror one platform of the image by its own digest, or exclude the image with images.exclude.',
    });
  }
}
