import type { ActiveImage } from '../clients/aws/port.ts';
import { type Digest, isDigest } from '../clients/registry/digest.ts';

/** What this process has pushed to ECR, by repository. The lists of ECR may not show it yet. */
export class Pushes {
  readonly #images = new Map<string, ActiveImage[]>();

  /** @param reference a tag or the digest */
  readonly add = (repository: string, reference: string, digest: Digest): void => {
    const images = this.#images.get(repository) ?? [];
    images.push(isDigest(reference) ? { digest } : { digest, tag: reference });
    this.#images.set(repository, images);
  };

  get repositories(): readonly string[] {
    return [...this.#images.keys()];
  }

  of(repository: string): readonly ActiveImage[] {
    return this.#images.get(repository) ?? [];
  }
}
