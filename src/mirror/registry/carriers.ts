import type { Descriptor } from '../../clients/registry/manifest.ts';

/** What matters of an image for its place in the order. */
export interface Candidate {
  readonly repository: string;
  readonly blobs: readonly Descriptor[];
}

/** Blobs of the same content. Images that disagree about a length do not share the blob. */
export const blobKey = ({ digest, size }: Descriptor): string => `${digest} ${size}`;

/** Small images first. */
export function bySize<T extends Candidate>(images: readonly T[]): T[] {
  const sizes = new Map(images.map((image) => [image, image.blobs.reduce((sum, { size }) => sum + size, 0)]));
  return [...images].sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0));
}

/** What an image would bring as a carrier, and what it would cost. Less when others have some of its blobs. */
interface Score<T> {
  readonly image: T;
  /** Bytes to upload before the image is complete. */
  upload: number;
  /** Those of them that are in shared blobs, and the number of these blobs. */
  shared: number;
  blobs: number;
}

/**
 * Chooses the images that are copied first: they have all blobs that several repositories share, and few others. ECR
 * mounts a blob only from a repository in which an image refers to it, so all others wait for these. It is a weighted set
 * cover, and this is its greedy solution: the next carrier is the one with the largest share of shared bytes.
 * @param isNew whether no repository has or gets a blob by other means
 */
export function carriersOf<T extends Candidate>(
  images: readonly T[],
  isNew: (blob: Descriptor) => boolean,
): readonly T[] {
  const scores = bySize(images).map((image): Score<T> => ({ image, upload: 0, shared: 0, blobs: 0 }));
  const sharers = sharersOf(scores, isNew);
  const carriers: T[] = [];
  while (sharers.size > 0) {
    const { image } = scores.reduce(better);
    carriers.push(image);
    for (const blob of image.blobs) {
      const covered = sharers.get(blobKey(blob)) ?? [];
      sharers.delete(blobKey(blob));
      for (const score of covered) addShared(score, blob, -1);
    }
  }
  return carriers;
}

/** The images of each blob that more than one repository needs. Adds up their scores. */
function sharersOf<T extends Candidate>(
  scores: readonly Score<T>[],
  isNew: (blob: Descriptor) => boolean,
): Map<string, readonly Score<T>[]> {
  const all = new Map<string, { readonly blob: Descriptor; readonly scores: Score<T>[] }>();
  for (const score of scores) {
    for (const blob of score.image.blobs.filter(isNew)) {
      const known = all.get(blobKey(blob)) ?? { blob, scores: [] };
      known.scores.push(score);
      all.set(blobKey(blob), known);
    }
  }
  const shared = new Map<string, readonly Score<T>[]>();
  for (const [key, { blob, scores: having }] of all) {
    const isShared = having.some(({ image }) => image.repository !== having[0]?.image.repository);
    for (const score of having) {
      if (isShared) addShared(score, blob, 1);
      else score.upload += weightOf(blob);
    }
    if (isShared) shared.set(key, having);
  }
  return shared;
}

function addShared<T>(score: Score<T>, blob: Descriptor, times: 1 | -1): void {
  score.upload += times * weightOf(blob);
  score.shared += times * weightOf(blob);
  score.blobs += times;
}

/** Empty blobs count too. */
const weightOf = ({ size }: Descriptor): number => size + 1;

/** Among equal ones, the first and so the smaller. */
function better<T>(best: Score<T>, next: Score<T>): Score<T> {
  if (best.blobs === 0 || next.blobs === 0) return best.blobs === 0 ? next : best;
  return next.shared / next.upload > best.shared / best.upload ? next : best;
}
