import { type Clock, stopwatch } from '../../core/clock.ts';
import type { Registry } from '../../clients/registry/client.ts';
import type { MirrorHistory } from '../../clients/registry/history.ts';
import type { Contents } from './contents.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import { type EngineOptions, type MirrorResult, reportDone } from '../engine.ts';
import { type BlobCopies, type BlobJob, BlobPlan, createDelivery, type Delivery } from './blobs.ts';
import type { Candidate } from './carriers.ts';
import { type Group, inGroups } from './groups.ts';
import { blobsOf, heldBlobs, type Resolution } from './resolve.ts';
import { RegistryProgress } from './progress.ts';
import { Publisher } from './publish.ts';
import { failureOf, outcomeOf, type PlannedCopy, resultOf } from './result.ts';
import { Slots } from './slots.ts';
import { Spool } from './spool.ts';
import { type BlobDelivery, NoSourceError, Transfer, type TransferContext } from './transfer.ts';

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
  /** Images that are looked up within this time are planned together. In milliseconds; default 500. */
  readonly groupMs?: number;
}

/** Copies a set of images: one scheduler for the blobs of all repositories, and an image's tag when its blobs have arrived. */
export class RegistryCopy {
  readonly #services: RegistryEngineServices;
  readonly #options: EngineOptions;
  readonly #publisher: Publisher;
  readonly #progress: RegistryProgress;
  /** Those of the images that are copied. */
  readonly #results = new Map<Resolution, Promise<MirrorResult>>();
  readonly #sent = new Set<BlobCopies>();
  #repeatedBytes = 0;

  constructor(services: RegistryEngineServices, options: EngineOptions) {
    this.#services = services;
    this.#options = options;
    this.#publisher = new Publisher(services.target, services.contents);
    this.#progress = new RegistryProgress(options.emit, stopwatch(services.clock));
  }

  /**
   * Copies images while others are still being looked up.
   * @returns the results in the order of the lookups
   * @throws the signal's reason, after all running work has ended
   */
  async run(lookups: readonly Promise<PlannedCopy>[]): Promise<MirrorResult[]> {
    const { contents, folder, groupMs = 500, target } = this.#services;
    const { concurrency, emit, signal } = this.#options;
    const groups = inGroups(lookups, groupMs);
    const spool = new Spool(folder);
    try {
      const mounting = await this.#services.mounting();
      const plan = new BlobPlan(contents, mounting !== false);
      // If mounts may be refused, reading these images may save nothing.
      if (mounting === true) plan.addCommitted(() => this.#heldImages());
      const slots = new Slots(concurrency);
      const moved: TransferContext['moved'] = (job, bytes) => this.#progress.moved(job, bytes);
      const transfer = new Transfer({ target, contents, slots, spool, mounting, moved });
      for await (const group of groups) await this.#begin(group, plan, transfer);
      const planned = await Promise.all(lookups);
      const results = await Promise.all(planned.map((one) => this.#resultOf(one)));
      signal.throwIfAborted();
      if (mounting !== true && this.#repeatedBytes >= notedBytes)
        emit({ type: 'note', text: repetitionNote(this.#repeatedBytes) });
      return results;
    } finally {
      await Promise.allSettled([...lookups, ...this.#results.values()]);
      await spool.close();
    }
  }

  async #resultOf(planned: PlannedCopy): Promise<MirrorResult> {
    const copied = 'resolution' in planned && (await this.#results.get(planned.resolution));
    return copied || outcomeOf(planned);
  }

  /** Starts to copy the images of a group that ECR does not have. */
  async #begin({ members, isLast }: Group<PlannedCopy>, plan: BlobPlan, transfer: Transfer): Promise<void> {
    const { signal } = this.#options;
    const wanted: Delivery[] = [];
    for (const one of members) {
      if (!('resolution' in one)) continue;
      const { resolution, stats } = one;
      const { repository } = resolution.image;
      if (resolution.state === 'current')
        plan.addCommitted(() => [{ repository, blobs: blobsOf(resolution) }]);
      if (resolution.state.startsWith('would-')) wanted.push(createDelivery(resolution, stats));
    }
    const deliveries = await this.#prepare(wanted);
    const absent = await this.#absentLayers(deliveries);
    const jobs = await plan.add(deliveries, (delivery, { digest }) =>
      (absent.get(delivery) ?? []).some((blob) => blob.digest === digest),
    );
    this.#progress.add(deliveries, jobs);
    transfer.expect(jobs, isLast);
    const work = new Map<Delivery, Promise<void>[]>(deliveries.map((delivery) => [delivery, []]));
    for (const job of jobs) {
      const done = transfer.run(job, { signal }).then((delivery) => this.#count(job, delivery));
      for (const delivery of job.deliveries) work.get(delivery)?.push(failingFor(done, delivery));
    }
    for (const [delivery, blobs] of work)
      this.#results.set(delivery.resolution, this.#finish(delivery, blobs));
  }

  /** Other images that ECR has. */
  async #heldImages(): Promise<readonly Candidate[]> {
    const { contents, target } = this.#services;
    const { held, signal } = this.#options;
    const images = (await held?.()) ?? [];
    return Promise.all(
      images.map(async (image) => ({
        repository: image.repository,
        blobs: await heldBlobs(image, target, contents, { signal }),
      })),
    );
  }

  /** Creates the repositories. @returns the images that have one; the others have failed */
  async #prepare(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const { prepare } = this.#options;
    if (!prepare || deliveries.length === 0) return deliveries;
    const failures = await prepare(deliveries.map(({ resolution }) => resolution.image));
    return deliveries.filter((delivery) => {
      const { resolution } = delivery;
      const error = failures.get(resolution.image.repository);
      if (!error) return true;
      const result = failedResult(delivery, error);
      reportDone(this.#options.emit, result);
      this.#results.set(resolution, Promise.resolve(result));
      return false;
    });
  }

  /** Counts a blob for the image that it was delivered for; for other images of the repository it was skipped. */
  #count(job: BlobJob, done: BlobDelivery | undefined): void {
    if (!done) return;
    const { blob, copies, deliveries } = job;
    const { way, delivery } = done;
    const { stats } = delivery;
    if (way === 'mounted') stats.bytesMounted += blob.size;
    if (way === 'sent') {
      stats.bytesSent += blob.size;
      if (this.#sent.has(copies)) this.#repeatedBytes += blob.size;
      this.#sent.add(copies);
    }
    for (const other of deliveries)
      if (way === 'present' || other !== delivery) other.stats.bytesSkipped += blob.size;
    if (way !== 'sent') this.#progress.moved(job, blob.size);
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

  /** Ends when no work for the image is running. */
  async #finish(delivery: Delivery, blobs: readonly Promise<void>[]): Promise<MirrorResult> {
    const result = await this.#complete(delivery, blobs);
    this.#progress.finished(delivery);
    reportDone(this.#options.emit, result);
    await Promise.allSettled(blobs);
    return result;
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
  `${Math.round(bytes / 1e6)} MB were uploaded again for other repositories, because ECR did not mount them; aws.blobMounting turns that on`;

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
