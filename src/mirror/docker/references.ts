import { reasonOf } from '../../core/errors.ts';
import type { DockerPort } from '../../clients/docker/port.ts';
import { formatReference, parseReference, repositoryOf } from '../../images/reference.ts';
import type { Emit } from '../../core/step.ts';

/** The name by which the engine keeps a source: with both a tag and a digest it pulls, and keeps, the digest. */
export function localName(source: string): string {
  const { tag, digest, ...repository } = parseReference(source);
  return formatReference({ ...repository, ...(digest ? { digest } : tag && { tag }) });
}

/**
 * The references that a copy makes in the local engine, put back as they were afterwards: new ones go, and a tag
 * of the user's that a pull moved to another platform's image returns to its own.
 */
export class BorrowedReferences {
  readonly #docker: DockerPort;
  readonly #before = new Map<string, string | undefined>();

  constructor(docker: DockerPort) {
    this.#docker = docker;
  }

  /** Call before `reference` is pulled or tagged. */
  async borrow(reference: string): Promise<void> {
    this.#before.set(reference, (await this.#docker.image(reference))?.id);
  }

  /** Never throws: an image left behind does not undo a copy, so it is told as a note. */
  async giveBack(emit: Emit): Promise<void> {
    for (const [reference, before] of this.#before) {
      try {
        await this.#restore(reference, before);
      } catch (error) {
        emit({ type: 'note', text: `left ${reference} in the Docker engine: ${reasonOf(error)}` });
      }
    }
  }

  async #restore(reference: string, before: string | undefined): Promise<void> {
    const now = await this.#docker.image(reference);
    if (!now || now.id === before) return;
    const parsed = parseReference(reference);
    const repository = repositoryOf(parsed);
    if (before === undefined) {
      await this.#docker.remove(reference);
    } else if (parsed.tag) {
      await this.#docker.tag(before, repository, parsed.tag);
      for (const digest of now.digests) await this.#docker.remove(`${repository}@${digest}`);
    }
  }
}
