import { type Clock, stopwatch } from '../../core/clock.ts';
import type { Registry } from '../../clients/registry/client.ts';
import type { Hints } from '../../clients/registry/hints.ts';
import type { Contents } from './contents.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { Call } from '../../clients/registry/host.ts';
import { type Descriptor, isForeign } from '../../clients/registry/manifest.ts';
import { tellDone } from '../done.ts';
import type { EngineOptions } from '../engine.ts';
import type { MirrorResult } from '../port.ts';
import { type BlobJob, blobsOf, planBlobs, type Shipment, shipment } from './blobs.ts';
import { failureOf } from './failure.ts';
import { CopyProgress } from './progress.ts';
import { Publisher } from './publish.ts';
import { type Looked, resultOf } from './result.ts';
import { Slots } from './slots.ts';
import { type Delivery, NotDelivered, Transfer } from './transfer.ts';

export interface RegistryEngineParts {
  readonly clock: Clock;
  readonly target: Registry;
  /** @param host as it stands in references */
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly hints: Hints;
  /** Whether the account lets blobs be mounted between repositories; undefined when that cannot be told. */
  readonly mounting: () => Promise<boolean | undefined>;
}

/** One copy of a whole set of images: all blobs of all repositories by one scheduler, each image's tag when its blobs are there. */
export class Copy {
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
  async run(looked: readonly Looked[]): Promise<MirrorResult[]> {
    const { signal } = this.#options;
    const shipments = new Map<Looked, Shipment>();
    for (const one of looked) {
      if ('resolution' in one && one.resolution.state.startsWith('would-')) {
        shipments.set(one, shipment(one.resolution, one.account));
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
        return result ?? resultOf(shipped.resolution, shipped.account);
      }
      return 'resolution' in one ? resultOf(one.resolution, one.account) : one;
    });
  }

  /** Creates the repositories. @returns the results of images whose repository could not be created */
  async #prepare(shipments: readonly Shipment[]): Promise<ReadonlyMap<Shipment, MirrorResult>> {
    const { prepare, emit } = this.#options;
    if (!prepare || shipments.length === 0) return new Map();
    const failures = await prepare(shipments.map(({ resolution }) => resolution.image));
    return new Map(
      shipments.flatMap((shipped) => {
        const error = failures.get(shipped.resolution.image.repository);
        if (!error) return [];
        const result = failedResult(shipped, error);
        tellDone(emit, result);
        return [[shipped, result] as const];
      }),
    );
  }

  async #ship(shipments: readonly Shipment[]): Promise<ReadonlyMap<Shipment, MirrorResult>> {
    const { clock, target, contents } = this.#parts;
    const { concurrency, emit, signal } = this.#options;
    const absent = await this.#absentLayers(shipments);
    const jobs = await planBlobs(shipments, contents, (shipped, { digest }) =>
      (absent.get(shipped) ?? []).some((blob) => blob.digest === digest),
    );
    const progress = new CopyProgress(shipments, jobs, emit, stopwatch(clock));
    const transfer = new Transfer({
      target,
      contents,
      slots: new Slots(concurrency),
      mounting: this.#mounting,
      moved: (job, bytes) => progress.moved(job, bytes),
    });
    const work = new Map<Shipment, Promise<void>[]>(shipments.map((shipped) => [shipped, []]));
    for (const job of jobs) {
      const done = transfer.run(job, { signal }).then((delivery) => book(job, delivery, progress));
      for (const shipped of job.shipments) work.get(shipped)?.push(failingBy(done, shipped));
    }
    const results = await Promise.all(
      shipments.map(async (shipped) => {
        const result = await this.#complete(shipped, work.get(shipped) ?? []);
        progress.ended(shipped);
        tellDone(emit, result);
        return [shipped, result] as const;
      }),
    );
    await Promise.allSettled([...work.values()].flat());
    return new Map(results);
  }

  /** Layers that only their makers distribute, as far as the source does not have them. Says where nodes download them. */
  async #absentLayers(shipments: readonly Shipment[]): Promise<ReadonlyMap<Shipment, readonly Descriptor[]>> {
    const { emit, signal } = this.#options;
    const found = shipments.map(async (shipped) => {
      const { resolution, account } = shipped;
      const { registry, repository } = resolution.source;
      const foreign = blobsOf(resolution).filter(isForeign);
      const isThere = await Promise.all(
        foreign.map(({ digest }) => registry.offersBlob(repository, digest, { signal, tally: account })),
      );
      const absent = foreign.filter((_, index) => !isThere[index]);
      if (absent.length > 0) emit({ type: 'note', text: downloadNote(resolution.image.source, absent) });
      return [shipped, absent] as const;
    });
    return new Map(await Promise.all(found));
  }

  /** Waits for an image's blobs and puts its manifests. */
  async #complete(shipped: Shipment, blobs: readonly Promise<void>[]): Promise<MirrorResult> {
    const { resolution, account } = shipped;
    const call: Call = { signal: this.#options.signal, tally: account };
    try {
      await Promise.all(blobs);
      await this.#publisher.publish(resolution, call);
      shipped.settle(true);
      const state = resolution.present === undefined ? 'copied' : 'moved';
      return { ...resultOf(resolution, account), state };
    } catch (error) {
      shipped.failed = true;
      shipped.settle(false);
      return failedResult(shipped, failureOf(error, `mirror ${resolution.image.source}`));
    }
  }
}

function failedResult({ resolution, account }: Shipment, error: BootstrapError): MirrorResult {
  const { targetDigest: _, ...result } = resultOf(resolution, account);
  return { ...result, state: 'failed', error };
}

function downloadNote(source: string, absent: readonly Descriptor[]): string {
  const urls = absent.flatMap(({ urls: [first] = [] }) => (typeof first === 'string' ? [first] : []));
  const layers = absent.length === 1 ? '1 layer is' : `${absent.length} layers are`;
  return `${source}: ${layers} not in its registry; nodes download from ${urls[0] ?? 'its maker'} and need access to it`;
}

async function failingBy(done: Promise<void>, shipped: Shipment): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw error instanceof NotDelivered ? error.of(shipped) : error;
  }
}

/** Books a blob on the image that it was moved for; for others of the repository it was there. */
function book(job: BlobJob, { way, shipped }: Delivery, progress: CopyProgress): void {
  const { blob, shipments } = job;
  const { account } = shipped;
  if (way === 'sent') account.bytesSent += blob.size;
  if (way === 'mounted') account.bytesMounted += blob.size;
  for (const other of shipments)
    if (way === 'present' || other !== shipped) other.account.bytesSkipped += blob.size;
  if (way !== 'sent') progress.moved(job, blob.size);
}
