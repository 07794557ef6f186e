import { type Clock, stopwatch } from '../../core/clock.ts';
import type { Registry } from '../../clients/registry/client.ts';
import type { MirrorHistory } from '../../clients/registry/history.ts';
import type { Contents } from './contents.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import { type EngineOptions, type MirrorResult, reportDone } from '../engine.ts';
import { type BlobJob, createDelivery, type Delivery, planBlobs } from './blobs.ts';
import { blobsOf } from './resolve.ts';
import { RegistryProgress } from './progress.ts';
import { Publisher } from './publish.ts';
import { failureOf, type PlannedCopy, resultOf } from './result.ts';
import { Slots } from './slots.ts';
import { Spool } from './spool.ts';
import { type BlobDelivery, NoSourceError, Transfer } from './transfer.ts';

export interface RegistryEngineServices {
  readonly clock: Clock;
  readonly target: Registry;
  /** @param host as in image references */
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly history: MirrorHistory;
  /** A folder for a temporary file. */
  readonly folder: string;
  /** Whether the account allows mounting blobs from other repositories; undefined when unknown. */
  readonly mounting: () => Promise<boolean | undefined>;
}

/** Copies a set of images: one scheduler for the blobs of all repositories, and an image's tag when its blobs have arrived. */
export class RegistryCopy {
  readonly #services: RegistryEngineServices;
  readonly #options: EngineOptions;
  readonly #mounting: boolean | undefined;
  readonly #publisher: Publisher;

  constructor(services: RegistryEngineServices, options: EngineOptions, mounting: boolean | undefined) {
    this.#services = services;
    this.#options = options;
    this.#mounting = mounting;
    this.#publisher = new Publisher(services.target, services.contents);
  }

  /** @throws the signal's reason, after all running work has ended */
  async run(planned: readonly PlannedCopy[]): Promise<MirrorResult[]> {
    const { signal } = this.#options;
    const deliveries = new Map<PlannedCopy, Delivery>();
    for (const one of planned) {
      if ('resolution' in one && one.resolution.state.startsWith('would-')) {
        deliveries.set(one, createDelivery(one.resolution, one.stats));
      }
    }
    const all = [...deliveries.values()];
    const unprepared = await this.#prepare(all);
    const delivered = await this.#deliver(all.filter((delivery) => !unprepared.has(delivery)));
    signal.throwIfAborted();
    return planned.map((one) => {
      const delivery = deliveries.get(one);
      if (delivery) {
        const result = unprepared.get(delivery) ?? delivered.get(delivery);
        return result ?? resultOf(delivery.resolution, delivery.stats);
      }
      return 'resolution' in one ? resultOf(one.resolution, one.stats) : one;
    });
  }

  /** Creates the repositories. @returns the failed results of images without a repository */
  async #prepare(deliveries: readonly Delivery[]): Promise<ReadonlyMap<Delivery, MirrorResult>> {
    const { prepare, emit } = this.#options;
    if (!prepare || deliveries.length === 0) return new Map();
    const failures = await prepare(deliveries.map(({ resolution }) => resolution.image));
    return new Map(
      deliveries.flatMap((delivery) => {
        const error = failures.get(delivery.resolution.image.repository);
        if (!error) return [];
        const result = failedResult(delivery, error);
        reportDone(emit, result);
        return [[delivery, result] as const];
      }),
    );
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<ReadonlyMap<Delivery, MirrorResult>> {
    const { clock, target, contents, folder } = this.#services;
    const { concurrency, emit, signal } = this.#options;
    const absent = await this.#absentLayers(deliveries);
    const jobs = await planBlobs(deliveries, contents, (delivery, { digest }) =>
      (absent.get(delivery) ?? []).some((blob) => blob.digest === digest),
    );
    const progress = new RegistryProgress(deliveries, jobs, emit, stopwatch(clock));
    const spool = new Spool(folder);
    const transfer = new Transfer({
      target,
      contents,
      slots: new Slots(concurrency),
      spool,
      mounting: this.#mounting,
      moved: (job, bytes) => progress.moved(job, bytes),
    });
    const work = new Map<Delivery, Promise<void>[]>(deliveries.map((delivery) => [delivery, []]));
    const sent = new Set<BlobJob['peers']>();
    let repeatedBytes = 0;
    for (const job of jobs) {
      const done = transfer.run(job, { signal }).then((delivery) => {
        addStats(job, delivery, progress);
        if (delivery.way !== 'sent') return;
        if (sent.has(job.peers)) repeatedBytes += job.blob.size;
        sent.add(job.peers);
      });
      for (const delivery of job.deliveries) work.get(delivery)?.push(failingFor(done, delivery));
    }
    const results = await Promise.all(
      deliveries.map(async (delivery) => {
        const result = await this.#complete(delivery, work.get(delivery) ?? []);
        progress.finished(delivery);
        reportDone(emit, result);
        return [delivery, result] as const;
      }),
    );
    await Promise.allSettled([...work.values()].flat());
    await spool.close();
    if (this.#mounting === false && repeatedBytes >= notedBytes)
      emit({ type: 'note', text: repetitionNote(repeatedBytes) });
    return new Map(results);
  }

  /** Non-distributable layers that the source does not have. Emits a note on where nodes download them. */
  async #absentLayers(
    deliveries: readonly Delivery[],
  ): Promise<ReadonlyMap<Delivery, readonly Descriptor[]>> {
    const { emit, signal } = this.#options;
    const found = deliveries.map(async (delivery) => {
      const { resolution, stats } = delivery;
      const { registry, repository } = resolution.source;
      const nondistributable = blobsOf(resolution).filter(isNondistributable);
      const isOffered = await Promise.all(
        nondistributable.map(({ digest }) =>
          registry.offersBlob(repository, digest, { signal, tally: stats }),
        ),
      );
      const absent = nondistributable.filter((_, index) => !isOffered[index]);
      if (absent.length > 0) emit({ type: 'note', text: downloadNote(resolution.image.source, absent) });
      return [delivery, absent] as const;
    });
    return new Map(await Promise.all(found));
  }

  /** Waits for an image's blobs and puts its manifests. */
  async #complete(delivery: Delivery, blobs: readonly Promise<void>[]): Promise<MirrorResult> {
    const { resolution, stats } = delivery;
    const call: RequestContext = { signal: this.#options.signal, tally: stats };
    try {
      await Promise.all(blobs);
      await this.#publisher.publish(resolution, call);
      delivery.settle(true);
      const state = resolution.present === undefined ? 'copied' : 'moved';
      return { ...resultOf(resolution, stats), state };
    } catch (error) {
      delivery.failed = true;
      delivery.settle(false);
      return failedResult(delivery, failureOf(error, `could not mirror ${resolution.image.source}`));
    }
  }
}

function failedResult({ resolution, stats }: Delivery, error: BootstrapError): MirrorResult {
  const { targetDigest: _, ...result } = resultOf(resolution, stats);
  return { ...result, state: 'failed', error };
}

/** Fewer repeated bytes are not worth a note. */
const notedBytes = 10e6;

const repetitionNote = (bytes: number): string =>
  `${Math.round(bytes / 1e6)} MB were uploaded again for other repositories, because the account's setting BLOB_MOUNTING is off; aws.blobMounting turns it on`;

function downloadNote(source: string, absent: readonly Descriptor[]): string {
  const urls = absent.flatMap(({ urls: [first] = [] }) => (typeof first === 'string' ? [first] : []));
  const layers = absent.length === 1 ? '1 layer is' : `${absent.length} layers are`;
  return `${source}: ${layers} not in its registry; nodes need access to ${urls[0] ?? 'the URL of its vendor'} to download ${absent.length === 1 ? 'it' : 'them'}`;
}

async function failingFor(done: Promise<void>, delivery: Delivery): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw error instanceof NoSourceError ? error.of(delivery) : error;
  }
}

/** Counts a blob for the image that it was delivered for; for other images of the repository it was skipped. */
function addStats(job: BlobJob, { way, delivery }: BlobDelivery, progress: RegistryProgress): void {
  const { blob, deliveries } = job;
  const { stats } = delivery;
  if (way === 'sent') stats.bytesSent += blob.size;
  if (way === 'mounted') stats.bytesMounted += blob.size;
  for (const other of deliveries)
    if (way === 'present' || other !== delivery) other.stats.bytesSkipped += blob.size;
  if (way !== 'sent') progress.moved(job, blob.size);
}
