import type { Emit } from '../../core/step.ts';
import type { BlobJob, Delivery } from './blobs.ts';
import { sizeOf } from './resolve.ts';

/** Often enough for a display, rare enough for logs. */
const intervalMs = 100;

/** Emits the progress of the copy: the whole with the id `images`, and each image with its source as the id. */
export class RegistryProgress {
  readonly #emit: Emit;
  readonly #now: () => number;
  readonly #images = new Map<Delivery, { readonly total: number; done: number; reportedAt: number }>();
  /** Running jobs, with the bytes that they have transferred. */
  readonly #active = new Map<BlobJob, number>();
  #total = 0;
  #done = 0;
  #finished = 0;
  #reportedAt = -Infinity;

  constructor(emit: Emit, now: () => number) {
    this.#emit = emit;
    this.#now = now;
  }

  /** More images will be copied. */
  add(deliveries: readonly Delivery[], jobs: readonly BlobJob[]): void {
    this.#total += jobs.reduce((sum, { blob }) => sum + blob.size, 0);
    for (const delivery of deliveries) {
      this.#images.set(delivery, { total: sizeOf(delivery.resolution), done: 0, reportedAt: -Infinity });
    }
  }

  /** Bytes of a job were sent, or need not be. Negative when an upload starts again. */
  moved(job: BlobJob, bytes: number): void {
    this.#done += bytes;
    const arrived = (this.#active.get(job) ?? 0) + bytes;
    if (arrived < job.blob.size) this.#active.set(job, arrived);
    else this.#active.delete(job);
    for (const delivery of job.deliveries) {
      const image = this.#images.get(delivery);
      if (!image) continue;
      image.done += bytes;
      if (this.#now() - image.reportedAt >= intervalMs) this.#reportImage(delivery);
    }
    if (this.#now() - this.#reportedAt >= intervalMs) this.#report();
  }

  /** An image is delivered, or has failed. */
  finished(delivery: Delivery): void {
    this.#finished += 1;
    this.#reportImage(delivery);
    this.#report();
  }

  #reportImage(delivery: Delivery): void {
    const image = this.#images.get(delivery);
    if (!image) return;
    image.reportedAt = this.#now();
    const { source } = delivery.resolution.image;
    this.#emit({
      type: 'progress',
      progress: { id: source, label: source, done: image.done, total: image.total, unit: 'bytes' },
    });
  }

  #report(): void {
    this.#reportedAt = this.#now();
    this.#emit({
      type: 'progress',
      progress: {
        id: 'images',
        label: 'images',
        done: this.#done,
        total: this.#total,
        unit: 'bytes',
        active: this.#active.size,
        members: { done: this.#finished, total: this.#images.size },
      },
    });
  }
}
