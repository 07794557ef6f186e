import { type Descriptor, isNondistributable } from '../../clients/registry/manifest.ts';
import type { RepositoryLocation } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { blobsOf, type Resolution, sizeOf } from './resolve.ts';
import type { TransferStats } from './result.ts';

/** One image on its way. */
export interface Delivery {
  readonly resolution: Resolution;
  readonly stats: TransferStats;
  /** Resolves to whether its tag is in the ECR; never rejects. */
  readonly arrived: Promise<boolean>;
  /** Tells the outcome to those who wait on {@link arrived}. */
  readonly settle: (arrived: boolean) => void;
  failed: boolean;
}

export function createDelivery(resolution: Resolution, stats: TransferStats): Delivery {
  let settle: (arrived: boolean) => void = () => undefined;
  const arrived = new Promise<boolean>((resolve) => (settle = resolve));
  return { resolution, stats, arrived, settle, failed: false };
}

/** A place that should have a blob, and the images from there that need it. */
export interface BlobSource {
  readonly location: RepositoryLocation;
  readonly shipments: [Delivery, ...Delivery[]];
}

/** One blob that one repository has to get. */
export interface BlobJob {
  readonly blob: Descriptor;
  readonly repository: string;
  /** Where it can be read, in the order in which that is tried. */
  readonly offers: [BlobSource, ...BlobSource[]];
  /** The images of this repository that need it, in order. Never empty. */
  readonly shipments: [Delivery, ...Delivery[]];
  /**
   * All jobs for the same blob, in order, by repository: from those before this one it can be mounted. They share one
   * map, because a list for each job would grow with the square of the number of images.
   */
  readonly peers: ReadonlyMap<string, BlobJob>;
  /** An image that was in the repository before refers to it. */
  readonly isPresent: boolean;
}

/**
 * Lists every blob of every repository once; images that disagree about its length get a job each, for one of them is
 * wrong. Images with few bytes come first, so that what others want to mount from
 * them is there soon; a job waits only for images that come before its own, so no two wait for each other.
 */
export async function planBlobs(
  shipments: readonly Delivery[],
  contents: Contents,
  isLeftOut: (shipped: Delivery, blob: Descriptor) => boolean = () => false,
): Promise<readonly BlobJob[]> {
  const sizes = new Map(shipments.map((shipped) => [shipped, sizeOf(shipped.resolution)]));
  const ordered = [...shipments].sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0));
  const jobs: BlobJob[] = [];
  const byContent = new Map<string, Map<string, BlobJob>>();
  for (const shipped of ordered) {
    const { image, source } = shipped.resolution;
    const present = await blobsPresent(shipped.resolution, contents);
    for (const blob of blobsOf(shipped.resolution)) {
      if (isLeftOut(shipped, blob)) continue;
      const content = `${blob.digest} ${blob.size}`;
      const peers = byContent.get(content) ?? new Map<string, BlobJob>();
      byContent.set(content, peers);
      const known = peers.get(image.repository);
      if (known) {
        join(known, shipped);
        continue;
      }
      const job: BlobJob = {
        blob,
        repository: image.repository,
        offers: [{ location: source, shipments: [shipped] }],
        shipments: [shipped],
        peers,
        isPresent: present.has(blob.digest),
      };
      peers.set(image.repository, job);
      jobs.push(job);
    }
  }
  return jobs;
}

function join({ shipments, offers }: BlobJob, shipped: Delivery): void {
  const { source } = shipped.resolution;
  shipments.push(shipped);
  const known = offers.find(({ location }) => isSamePlace(location, source));
  if (known) known.shipments.push(shipped);
  else offers.push({ location: source, shipments: [shipped] });
}

const isSamePlace = (one: RepositoryLocation, other: RepositoryLocation): boolean =>
  one.registry === other.registry && one.repository === other.repository;

/** The blobs of what the tag pointed at before, as far as that can be told without a request. */
async function blobsPresent({ present }: Resolution, contents: Contents): Promise<ReadonlySet<string>> {
  const held = present === undefined ? [] : await contents.family(present);
  const blobs = held.flatMap((manifest) => manifest.blobs).filter((blob) => !isNondistributable(blob));
  return new Set(blobs.map(({ digest }) => digest));
}
