import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import type { RepositoryLocation } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { blobsOf, type Resolution, sizeOf } from './resolve.ts';
import type { TransferStats } from './result.ts';

/** One image to deliver. */
export interface Delivery {
  readonly resolution: Resolution;
  readonly stats: TransferStats;
  /** Resolves to whether the image's tag is in ECR; never rejects. */
  readonly arrived: Promise<boolean>;
  /** Resolves {@link arrived}. */
  readonly settle: (arrived: boolean) => void;
  failed: boolean;
}

export function createDelivery(resolution: Resolution, stats: TransferStats): Delivery {
  let settle: (arrived: boolean) => void = () => undefined;
  const arrived = new Promise<boolean>((resolve) => (settle = resolve));
  return { resolution, stats, arrived, settle, failed: false };
}

/** A repository that should have a blob, and the deliveries from it that need the blob. */
export interface BlobSource {
  readonly location: RepositoryLocation;
  readonly deliveries: [Delivery, ...Delivery[]];
}

/** One blob to bring into one repository. */
export interface BlobJob {
  readonly blob: Descriptor;
  readonly repository: string;
  /** Where to read it, in the order to try. */
  readonly sources: [BlobSource, ...BlobSource[]];
  /** The images of this repository that need it, in order. */
  readonly deliveries: [Delivery, ...Delivery[]];
  /**
   * All jobs for the same blob by repository, in order. The blob can be mounted from repositories before this
   * one. All jobs share one map: with a list for each, memory would grow with the square of the number of images.
   */
  readonly peers: ReadonlyMap<string, BlobJob>;
  /** An image that the repository already has refers to it. */
  readonly isPresent: boolean;
}

/**
 * Lists every blob of every repository once. Images that disagree about a blob's length get a job each, because
 * one of them is wrong. Small images come first, so that others can soon mount blobs from them. A job waits only
 * for images that come before its own, so no two wait for each other.
 */
export async function planBlobs(
  deliveries: readonly Delivery[],
  contents: Contents,
  isAbsent: (delivery: Delivery, blob: Descriptor) => boolean = () => false,
): Promise<readonly BlobJob[]> {
  const sizes = new Map(deliveries.map((delivery) => [delivery, sizeOf(delivery.resolution)]));
  const ordered = [...deliveries].sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0));
  const jobs: BlobJob[] = [];
  const byContent = new Map<string, Map<string, BlobJob>>();
  for (const delivery of ordered) {
    const { image, source } = delivery.resolution;
    const present = await presentBlobs(delivery.resolution, contents);
    for (const blob of blobsOf(delivery.resolution)) {
      if (isAbsent(delivery, blob)) continue;
      const content = `${blob.digest} ${blob.size}`;
      const peers = byContent.get(content) ?? new Map<string, BlobJob>();
      byContent.set(content, peers);
      const known = peers.get(image.repository);
      if (known) {
        join(known, delivery);
        continue;
      }
      const job: BlobJob = {
        blob,
        repository: image.repository,
        sources: [{ location: source, deliveries: [delivery] }],
        deliveries: [delivery],
        peers,
        isPresent: present.has(blob.digest),
      };
      peers.set(image.repository, job);
      jobs.push(job);
    }
  }
  return jobs;
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
