import type { Emit } from '../../core/step.ts';
import type { BlobJob, Delivery } from './blobs.ts';
import { sizeOf } from './resolve.ts';

/** Often enough for eyes, seldom enough for logs. Milliseconds. */
const interval = 100;

/** Tells how far the copy is: the whole by id `images`, and each image by its source. */
export class RegistryProgress {
  readonly #emit: Emit;
  readonly #now: () => number;
  readonly #total: number;
  readonly #images = new Map<Delivery, { readonly total: number; done: number; told: number }>();
  /** What is under way, with the bytes that are there already. */
  readonly #active = new Map<BlobJob, number>();
  #done = 0;
  #told = -Infinity;

  constructor(shipments: readonly Delivery[], jobs: readonly BlobJob[], emit: Emit, now: () => number) {
    this.#emit = emit;
    this.#now = now;
    this.#total = jobs.reduce((sum, { blob }) => sum + blob.size, 0);
    for (const shipped of shipments) {
      this.#images.set(shipped, { total: sizeOf(shipped.resolution), done: 0, told: -Infinity });
    }
  }

  /** Bytes of a job left, or are known not to have to (`bytes` negative: they have to again). */
  moved(job: BlobJob, bytes: number): void {
    this.#done += bytes;
    const arrived = (this.#active.get(job) ?? 0) + bytes;
    if (arrived < job.blob.size) this.#active.set(job, arrived);
    else this.#active.delete(job);
    for (const shipped of job.shipments) {
      const image = this.#images.get(shipped);
      if (!image) continue;
      image.done += bytes;
      if (this.#now() - image.told >= interval) this.#tellImage(shipped);
    }
    if (this.#now() - this.#told >= interval) this.#tell();
  }

  /** An image came to its end, whichever. */
  ended(shipped: Delivery): void {
    this.#tellImage(shipped);
    this.#tell();
  }

  #tellImage(shipped: Delivery): void {
    const image = this.#images.get(shipped);
    if (!image) return;
    image.told = this.#now();
    const { source } = shipped.resolution.image;
    this.#emit({
      type: 'progress',
      progress: { id: source, label: source, done: image.done, total: image.total, unit: 'bytes' },
    });
  }

  #tell(): void {
    this.#told = this.#now();
    this.#emit({
      type: 'progress',
      progress: {
        id: 'images',
        label: 'images',
        done: this.#done,
        total: this.#total,
        unit: 'bytes',
        active: this.#active.size,
      },
    });
  }
}
