import { reasonOf } from '../../core/errors.ts';
import type { DockerPort } from '../../clients/docker/port.ts';
import { formatReference, parseReference, repositoryOf } from '../../images/reference.ts';
import type { Emit } from '../../core/step.ts';

/** The name of a source in the engine. For a tag with a digest the engine pulls and stores the digest. */
export function localName(source: string): string {
  const { tag, digest, ...repository } = parseReference(source);
  return formatReference({ ...repository, ...(digest ? { digest } : tag && { tag }) });
}

/**
 * The references that a copy creates or moves in the local engine. It restores them afterwards: it deletes new ones, and
 * moves back a tag of the user that a pull moved to the image of another platform.
 */
export class TemporaryReferences {
  readonly #docker: DockerPort;
  readonly #before = new Map<string, string | undefined>();

  constructor(docker: DockerPort) {
    this.#docker = docker;
  }

  /** Call before `reference` is pulled or tagged. */
  async remember(reference: string): Promise<void> {
    this.#before.set(reference, (await this.#docker.image(reference))?.id);
  }

  /** Never throws: an image that remains does not affect the copy, so it is a note. */
  async restore(emit: Emit): Promise<void> {
    for (const [reference, before] of this.#before) {
      try {
        await this.#restore(reference, before);
      } catch (error) {
        emit({
          type: 'note',
          text: `could not remove ${reference} from the Docker engine: ${reasonOf(error)}`,
        });
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
