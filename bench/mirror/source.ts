import { join } from 'node:path';
import { BenchRegistry, type Certificate } from './registry.ts';
import { seed } from './seed.ts';
import { type ImageSet, imageSet, type SetName } from './sets.ts';

/** A set in the storage of a registry that is not running. */
export interface Source {
  readonly set: ImageSet;
  /** What is under the tag, by repository. */
  readonly digests: ReadonlyMap<string, string>;
  start(certificate?: Certificate): Promise<BenchRegistry>;
}

/** Each set is made when first asked for, and kept in memory. */
export class Sources {
  readonly #root: string;
  readonly #isQuick: boolean;
  readonly #signal: AbortSignal;
  readonly #made = new Map<SetName, Source>();

  constructor(root: string, isQuick: boolean, signal: AbortSignal) {
    this.#root = root;
    this.#isQuick = isQuick;
    this.#signal = signal;
  }

  async get(name: SetName): Promise<Source> {
    const source = this.#made.get(name) ?? (await this.#make(imageSet(name, this.#isQuick)));
    this.#made.set(name, source);
    return source;
  }

  async #make(set: ImageSet): Promise<Source> {
    const storage = join(this.#root, `storage-${set.name}`);
    const start = (certificate?: Certificate) =>
      BenchRegistry.start(join(this.#root, `source-${set.name}`), storage, certificate);
    const registry = await start();
    try {
      return { set, start, digests: await seed(set, `127.0.0.1:${registry.port}`, this.#signal) };
    } finally {
      await registry.stop();
    }
  }
}
