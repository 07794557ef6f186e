import type { Transferred } from '../../clients/docker/port.ts';
import type { Emit } from '../../core/step.ts';

const noProgress: Transferred = { done: 0, total: 0 };

/** Emits the progress of each image and of the whole run, in bytes as the engine counts them. */
export class DockerProgress {
  readonly #emit: Emit;
  readonly #images = new Map<string, { pull: Transferred; push: Transferred }>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  report(source: string, phase: 'pull' | 'push', transferred: Transferred): void {
    const image = this.#images.get(source) ?? { pull: noProgress, push: noProgress };
    image[phase] = transferred;
    this.#images.set(source, image);
    this.#emitProgress(source, `${phase} ${source}`, sum([image.pull, image.push]));
    this.#emitProgress(
      'images',
      'images',
      sum([...this.#images.values()].flatMap(({ pull, push }) => [pull, push])),
    );
  }

  #emitProgress(id: string, label: string, { done, total }: Transferred): void {
    this.#emit({ type: 'progress', progress: { id, label, done, total, unit: 'bytes' } });
  }
}

const sum = (parts: readonly Transferred[]): Transferred => ({
  done: parts.reduce((bytes, { done }) => bytes + done, 0),
  total: parts.reduce((bytes, { total }) => bytes + total, 0),
});
