import { type Clock, stopwatch } from '../../core/clock.ts';
import type { Registry } from '../../clients/registry/client.ts';
import type { MirrorHistory } from '../../clients/registry/history.ts';
import type { Contents } from './contents.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { Call } from '../../clients/registry/host.ts';
import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import { reportDone } from '../engine.ts';
import type { EngineOptions } from '../engine.ts';
import type { MirrorResult } from '../engine.ts';
import { type BlobJob, planBlobs, type Delivery, createDelivery } from './blobs.ts';
import { blobsOf } from './resolve.ts';
import { RegistryProgress } from './progress.ts';
import { Publisher } from './publish.ts';
import { failureOf, type PlannedCopy, resultOf } from './result.ts';
import { Slots } from './slots.ts';
import { type BlobDelivery, NotDelivered, Transfer } from './transfer.ts';

export interface RegistryEngineParts {
  readonly clock: Clock;
  readonly target: Registry;
  /** @param host as it stands in references */
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly history: MirrorHistory;
  /** Whether the account lets blobs be mounted between repositories; undefined when that cannot be told. */
  readonly mounting: () => Promise<boolean | undefined>;
}

/** One copy of a whole set of images: all blobs of all repositories by one scheduler, each image's tag when its blobs are there. */
export class RegistryCopy {
  readonly #parts: RegistryEngineParts;
  readonly #options: EngineOptions;
  readonly #mounting: boolean | undefined;
  readonly #publisher: Publisher;

  constructor(parts: RegistryEngineParts, options: EngineOptions, mounting: boolean | undefined) {
    this.#parts = parts;
    this.#options = options;
    this.#mounting = mounting;
    this.#publisher = new Publisher(parts.target, parts.contents);
  }

  /** @throws the signal's reason, when everything under way has come to its end */
  async run(looked: readonly PlannedCopy[]): Promise<MirrorResult[]> {
    const { signal } = this.#options;
    const shipments = new Map<PlannedCopy, Delivery>();
    for (const one of looked) {
      if ('resolution' in one && one.resolution.state.startsWith('would-')) {
        shipments.set(one, createDelivery(one.resolution, one.account));
      }
    }
    const all = [...shipments.values()];
    const refused = await this.#prepare(all);
    const arrivals = await this.#ship(all.filter((shipped) => !refused.has(shipped)));
    signal.throwIfAborted();
    return looked.map((one) => {
      const shipped = shipments.get(one);
      if (shipped) {
        const result = refused.get(shipped) ?? arrivals.get(shipped);
        return result ?? resultOf(shipped.resolution, shipped.stats);
      }
      return 'resolution' in one ? resultOf(one.resolution, one.account) : one;
    });
  }

  /** Creates the repositories. @returns the results of images whose repository could not be created */
  async #prepare(shipments: readonly Delivery[]): Promise<ReadonlyMap<Delivery, MirrorResult>> {
    const { prepare, emit } = this.#options;
    if (!prepare || shipments.length === 0) return new Map();
    const failures = await prepare(shipments.map(({ resolution }) => resolution.image));
    return new Map(
      shipments.flatMap((shipped) => {
        const error = failures.get(shipped.resolution.image.repository);
        if (!error) return [];
        const result = failedResult(shipped, error);
        reportDone(emit, result);
        return [[shipped, result] as const];
      }),
    );
  }

  async #ship(shipments: readonly Delivery[]): Promise<ReadonlyMap<Delivery, MirrorResult>> {
    const { clock, target, contents } = this.#parts;
    const { concurrency, emit, signal } = this.#options;
    const absent = await this.#absentLayers(shipments);
    const jobs = await planBlobs(shipments, contents, (shipped, { digest }) =>
      (absent.get(shipped) ?? []).some((blob) => blob.digest === digest),
    );
    const progress = new RegistryProgress(shipments, jobs, emit, stopwatch(clock));
    const transfer = new Transfer({
      target,
      contents,
      slots: new Slots(concurrency),
      mounting: this.#mounting,
      moved: (job, bytes) => progress.moved(job, bytes),
    });
    const work = new Map<Delivery, Promise<void>[]>(shipments.map((shipped) => [shipped, []]));
    for (const job of jobs) {
      const done = transfer.run(job, { signal }).then((delivery) => addStats(job, delivery, progress));
      for (const shipped of job.shipments) work.get(shipped)?.push(failingBy(done, shipped));
    }
    const results = await Promise.all(
      shipments.map(async (shipped) => {
        const result = await this.#complete(shipped, work.get(shipped) ?? []);
        progress.ended(shipped);
        reportDone(emit, result);
        return [shipped, result] as const;
      }),
    );
    await Promise.allSettled([...work.values()].flat());
    return new Map(results);
  }

  /** Layers that only their makers distribute, as far as the source does not have them. Says where nodes download them. */
  async #absentLayers(shipments: readonly Delivery[]): Promise<ReadonlyMap<Delivery, readonly Descriptor[]>> {
    const { emit, signal } = this.#options;
    const found = shipments.map(async (shipped) => {
      const { resolution, stats } = shipped;
      const { registry, repository } = resolution.source;
      const foreign = blobsOf(resolution).filter(isNondistributable);
      const isThere = await Promise.all(
        foreign.map(({ digest }) => registry.offersBlob(repository, digest, { signal, tally: stats })),
      );
      const absent = foreign.filter((_, index) => !isThere[index]);
      if (absent.length > 0) emit({ type: 'note', text: downloadNote(resolution.image.source, absent) });
      return [shipped, absent] as const;
    });
    return new Map(await Promise.all(found));
  }

  /** Waits for an image's blobs and puts its manifests. */
  async #complete(shipped: Delivery, blobs: readonly Promise<void>[]): Promise<MirrorResult> {
    const { resolution, stats } = shipped;
    const call: Call = { signal: this.#options.signal, tally: stats };
    try {
      await Promise.all(blobs);
      await this.#publisher.publish(resolution, call);
      shipped.settle(true);
      const state = resolution.present === undefined ? 'copied' : 'moved';
      return { ...resultOf(resolution, stats), state };
    } catch (error) {
      shipped.failed = true;
      shipped.settle(false);
      return failedResult(shipped, failureOf(error, `mirror ${resolution.image.source}`));
    }
  }
}

function failedResult({ resolution, stats }: Delivery, error: BootstrapError): MirrorResult {
  const { targetDigest: _, ...result } = resultOf(resolution, stats);
  return { ...result, state: 'failed', error };
}

function downloadNote(source: string, absent: readonly Descriptor[]): string {
  const urls = absent.flatMap(({ urls: [first] = [] }) => (typeof first === 'string' ? [first] : []));
  const layers = absent.length === 1 ? '1 layer is' : `${absent.length} layers are`;
  return `${source}: ${layers} not in its registry; nodes download from ${urls[0] ?? 'its maker'} and need access to it`;
}

async function failingBy(done: Promise<void>, shipped: Delivery): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw error instanceof NotDelivered ? error.of(shipped) : error;
  }
}

/** Books a blob on the image that it was moved for; for others of the repository it was there. */
function addStats(job: BlobJob, { way, shipped }: BlobDelivery, progress: RegistryProgress): void {
  const { blob, shipments } = job;
  const { stats } = shipped;
  if (way === 'sent') stats.bytesSent += blob.size;
  if (way === 'mounted') stats.bytesMounted += blob.size;
  for (const other of shipments)
    if (way === 'present' || other !== shipped) other.stats.bytesSkipped += blob.size;
  if (way !== 'sent') progress.moved(job, blob.size);
}
