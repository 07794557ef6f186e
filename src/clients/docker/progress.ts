import type { LayerResult, Transferred } from './port.ts';
import type { StreamRecord } from './stream.ts';

/** Adds up the progress that a stream reports for each layer. */
export class LayerProgress {
  readonly #layers = new Map<string, { done: number; total: number }>();
  readonly #phase: string;

  /** @param phase the status whose bytes count: a pull also reports the bytes that it extracts */
  constructor(phase: 'Downloading' | 'Pushing') {
    this.#phase = phase;
  }

  /** The new sums, or undefined when the record changes none. */
  add({ id, status, progressDetail }: StreamRecord): Transferred | undefined {
    if (!id || !status) return undefined;
    const known = this.#layers.get(id);
    if (status === this.#phase) {
      const done = progressDetail?.current ?? 0;
      const total = Math.max(done, progressDetail?.total ?? 0, known?.total ?? 0);
      this.#layers.set(id, { done: Math.max(done, known?.done ?? 0), total });
    } else if (known && known.done < known.total && finished.has(status)) {
      this.#layers.set(id, { done: known.total, total: known.total });
    } else {
      return undefined;
    }
    return this.#sum();
  }

  #sum(): Transferred {
    let done = 0;
    let total = 0;
    for (const layer of this.#layers.values()) {
      done += layer.done;
      total += layer.total;
    }
    return { done, total };
  }
}

const finished = new Set(['Download complete', 'Pull complete', 'Pushed']);

/** The outcome in a layer's last record of a push; undefined for other records. */
export function layerResultOf(status: string): LayerResult | undefined {
  if (status === 'Pushed') return 'sent';
  if (status === 'Layer already exists') return 'existed';
  if (status.startsWith('Mounted from')) return 'mounted';
  return undefined;
}
