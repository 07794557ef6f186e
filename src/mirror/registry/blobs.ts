import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import type { RepositoryLocation } from './read-blob.ts';
import { blobKey, bySize, type Candidate, carriersOf } from './carriers.ts';
import type { Contents } from './contents.ts';
import { blobsOf, type Resolution } from './resolve.ts';
import type { TransferStats } from './result.ts';

/** A result that is known later. */
interface Arrival {
  /** Resolves to whether it is in ECR; never rejects. */
  readonly arrived: Promise<boolean>;
  /** Resolves {@link arrived}. */
  readonly settle: (arrived: boolean) => void;
}

function createArrival(): Arrival {
  let settle: (arrived: boolean) => void = () => undefined;
  const arrived = new Promise<boolean>((resolve) => (settle = resolve));
  return { arrived, settle };
}

/** One image to deliver. It arrives with its tag. */
export interface Delivery extends Arrival {
  readonly resolution: Resolution;
  readonly stats: TransferStats;
  failed: boolean;
}

export const createDelivery = (resolution: Resolution, stats: TransferStats): Delivery => ({
  resolution,
  stats,
  ...createArrival(),
  failed: false,
});

/** A repository that should have a blob, and the deliveries from it that need the blob. */
export interface BlobSource {
  readonly location: RepositoryLocation;
  readonly deliveries: [Delivery, ...Delivery[]];
}

/** One blob to bring into one repository. */
export interface BlobJob extends Arrival {
  readonly blob: Descriptor;
  readonly repository: string;
  /** Where to read it, in the order to try. */
  readonly sources: [BlobSource, ...BlobSource[]];
  /** The images of this repository that need it, in order. */
  readonly deliveries: [Delivery, ...Delivery[]];
  /** All jobs for the same blob share this object: with lists of their own, memory would grow with their square. */
  readonly copies: BlobCopies;
  /** An image that the repository already has refers to it. */
  readonly isPresent: boolean;
  /** Other repositories wait for an image that needs it. */
  readonly isAwaited: boolean;
  /** A job for an image that was found before, which may have brought the blob into the repository. */
  readonly previous?: BlobJob;
}

/** One blob in all its repositories. */
export interface BlobCopies {
  /** In order: a job may mount the blob from the repositories of those before it. */
  readonly jobs: BlobJob[];
  /** The last job of each repository. */
  readonly byRepository: Map<string, BlobJob>;
  /** A repository in which an image already refers to the blob. */
  committed?: string;
}

/** Reads images that ECR has. */
type ReadCommitted = () => readonly Candidate[] | Promise<readonly Candidate[]>;

/** An image, and the blobs to bring into its repository. */
interface PlannedDelivery extends Candidate {
  readonly delivery: Delivery;
  /** The digests that an image in its repository refers to. */
  readonly present: ReadonlySet<string>;
}

/**
 * Lists every blob of every repository once. Images that disagree about a blob's length get a job each, because
 * one of them is wrong. A job waits only for images that come before its own, so no two wait for each other.
 */
export class BlobPlan {
  readonly #contents: Contents;
  readonly #mayMount: boolean;
  readonly #copies = new Map<string, BlobCopies>();
  /** Images that ECR has. Most runs with many of them copy nothing, so their blobs are read later. */
  readonly #committed: ReadCommitted[] = [];

  /** @param mayMount whether the target may mount blobs from other repositories */
  constructor(contents: Contents, mayMount: boolean) {
    this.#contents = contents;
    this.#mayMount = mayMount;
  }

  /** Other repositories can mount the blobs of these images, which ECR has. They are read if there is something to copy. */
  addCommitted(read: ReadCommitted): void {
    if (this.#mayMount) this.#committed.push(read);
  }

  /**
   * Plans a group of images, after those of earlier groups.
   * @returns their jobs, in order
   */
  async add(
    deliveries: readonly Delivery[],
    isAbsent: (delivery: Delivery, blob: Descriptor) => boolean = () => false,
  ): Promise<readonly BlobJob[]> {
    if (deliveries.length === 0) return [];
    const planned = await Promise.all(
      deliveries.map(async (delivery): Promise<PlannedDelivery> => {
        const { resolution } = delivery;
        const blobs = blobsOf(resolution).filter((blob) => !isAbsent(delivery, blob));
        const present = await presentBlobs(resolution, this.#contents);
        return { delivery, repository: resolution.image.repository, blobs, present };
      }),
    );
    const committed = await Promise.all(this.#committed.splice(0).map(async (read) => read()));
    for (const { repository, blobs } of committed.flat()) {
      for (const blob of blobs) this.#copiesOf(blob).committed ??= repository;
    }
    for (const { repository, blobs, present } of planned) {
      for (const blob of blobs) if (present.has(blob.digest)) this.#copiesOf(blob).committed ??= repository;
    }
    const carriers = new Set(this.#mayMount ? carriersOf(planned, (blob) => this.#isNew(blob)) : []);
    const others = planned.filter((one) => !carriers.has(one));
    const added = new Set<BlobJob>();
    for (const one of [...carriers, ...bySize(others)]) this.#addOne(one, added, carriers.has(one));
    return [...added];
  }

  #addOne(
    { delivery, repository, blobs, present }: PlannedDelivery,
    added: Set<BlobJob>,
    isAwaited: boolean,
  ) {
    for (const blob of blobs) {
      const copies = this.#copiesOf(blob);
      const known = copies.byRepository.get(repository);
      if (known && added.has(known)) {
        join(known, delivery);
        continue;
      }
      const job: BlobJob = {
        blob,
        repository,
        sources: [{ location: delivery.resolution.source, deliveries: [delivery] }],
        deliveries: [delivery],
        copies,
        isPresent: present.has(blob.digest),
        isAwaited,
        ...(known && { previous: known }),
        ...createArrival(),
      };
      copies.jobs.push(job);
      copies.byRepository.set(repository, job);
      added.add(job);
    }
  }

  /** Whether no other image has or gets the blob. */
  #isNew(blob: Descriptor): boolean {
    const copies = this.#copies.get(blobKey(blob));
    return !copies || (copies.committed === undefined && copies.jobs.length === 0);
  }

  #copiesOf(blob: Descriptor): BlobCopies {
    const key = blobKey(blob);
    const copies = this.#copies.get(key) ?? { jobs: [], byRepository: new Map() };
    this.#copies.set(key, copies);
    return copies;
  }
}

function join({ deliveries, sources }: BlobJob, delivery: Delivery): void {
  const { source } = delivery.resolution;
  deliveries.push(delivery);
  const known = sources.find(({ location }) => isSameLocation(location, source));
  if (known) known.deliveries.push(delivery);
  else sources.push({ location: source, deliveries: [delivery] });
}

const isSameLocation = (one: RepositoryLocation, other: RepositoryLocation): boolean =>
  one.registry === other.registry && one.repository === other.repository;

/** The blobs of what the tag points to in ECR, as far as they are known without a request. */
async function presentBlobs({ present }: Resolution, contents: Contents): Promise<ReadonlySet<string>> {
  const manifests = present === undefined ? [] : await contents.family(present);
  const blobs = manifests.flatMap((manifest) => manifest.blobs).filter((blob) => !isNondistributable(blob));
  return new Set(blobs.map(({ digest }) => digest));
}
