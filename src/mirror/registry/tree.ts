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
 * the tree larger than {@link treeLimits}. An index that announces more is refused before its manifests are read.
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
  #excess: string | undefined;

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
    this.#addChildren(root);
    this.#addBytes(root.bytes.length);
    this.#refuseExcess();
  }

  /** @throws BootstrapError `image-unsupported` when the image is too large */
  manifest(entry: Descriptor): Promise<Manifest> {
    const manifest = this.#known.get(entry.digest) ?? this.#fetch(entry);
    this.#known.set(entry.digest, manifest);
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
      const unique = new Map(entries.map((entry) => [entry.digest, entry]));
      level = await Promise.all([...unique.values()].map((entry) => this.manifest(entry)));
      for (const manifest of level) {
        // A manifest that is referenced again at this level must come before the ones that refer to it.
        found.delete(manifest.digest);
        found.set(manifest.digest, manifest);
      }
    }
  }

  #fetch({ digest, size }: Descriptor): Promise<Manifest> {
    this.#addBytes(size);
    return this.#limit(async () => {
      this.#signal.throwIfAborted();
      this.#refuseExcess();
      const manifest = await this.#read(digest);
      this.#addChildren(manifest);
      this.#addBytes(Math.max(0, manifest.bytes.length - size));
      this.#refuseExcess();
      return manifest;
    });
  }

  #addChildren({ children }: Manifest): void {
    this.#manifests += children.length;
    const { manifests } = treeLimits;
    if (this.#manifests > manifests)
      this.#excess ??= `it consists of more than ${manifests.toLocaleString('en-US')} manifests`;
  }

  #addBytes(bytes: number): void {
    this.#bytes += bytes;
    const { manifestBytes } = treeLimits;
    if (this.#bytes > manifestBytes)
      this.#excess ??= `its manifests have more than ${manifestBytes / 1024 / 1024} MiB together`;
  }

  #refuseExcess(): void {
    if (this.#excess !== undefined) throw this.#unsupported(this.#excess);
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
