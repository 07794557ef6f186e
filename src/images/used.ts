import { BootstrapError } from '../core/errors.ts';
import { type Digest, isDigest } from '../clients/registry/digest.ts';
import { ecrName, type Naming } from './naming.ts';
import { canonical } from './operator.ts';
import { parseIfValid } from './reference.ts';
import { isOfRegistry } from './registry-alias.ts';
import type { WantedImage } from './wanted.ts';

/** The images in ECR that something uses: by name, or by digest in any repository. */
export class UsedImages {
  readonly #naming: Naming;
  readonly #registryHost: string;
  readonly #names = new Set<string>();
  readonly #digests = new Set<Digest>();
  readonly #configs = new Set<Digest>();

  /** @param registryHost of the account; a reference to it is the name in ECR */
  constructor(naming: Naming, registryHost: string) {
    this.#naming = naming;
    this.#registryHost = registryHost;
  }

  /** Text that is no reference, and a name that ECR does not accept, cannot be in ECR. */
  addReference(text: string): void {
    const reference = parseIfValid(text);
    if (!reference) return;
    if (reference.digest !== undefined) this.#digests.add(reference.digest);
    if (isOfRegistry(reference, this.#registryHost)) {
      if (reference.tag !== undefined) this.#names.add(`${reference.path}:${reference.tag}`);
      return;
    }
    try {
      this.addImage(ecrName(canonical(reference), this.#naming));
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
    }
  }

  addImage({ repository, tag }: Pick<WantedImage, 'repository' | 'tag'>): void {
    this.#names.add(`${repository}:${tag}`);
  }

  /**
   * @param id as a container runtime reports it: `HOST/PATH@DIGEST`, or the digest of the config for an image that it did
   * not pull. Docker adds a scheme.
   */
  addRunning(id: string): void {
    const digest = id.replace(/^.*@|^[a-z-]+:\/\//, '');
    if (!isDigest(digest)) return;
    this.#digests.add(digest);
    if (!id.includes('@')) this.#configs.add(digest);
  }

  hasTag(repository: string, tag: string): boolean {
    return this.#names.has(`${repository}:${tag}`);
  }

  hasDigest(digest: Digest): boolean {
    return this.#digests.has(digest);
  }

  /** The digests of image configs in use. */
  get configs(): ReadonlySet<Digest> {
    return this.#configs;
  }
}
