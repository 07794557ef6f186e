import type { Phase } from '../results.ts';
import type { ImageSet } from '../sets.ts';
import type { Request } from './record.ts';

/**
 * How many round trips must follow each other to copy a set, however many requests are under way at once. Warm: the
 * connection, and the tag on both sides. Cold: the connection, the tag, a blob (while its upload is started), its
 * bytes, its manifest; for an index also its children, and the index itself after their manifests.
 */
export function chainOf({ images }: ImageSet): Readonly<Record<Phase, number>> {
  const hasIndex = images.some(({ platforms }) => platforms.length > 1);
  return { cold: hasIndex ? 7 : 5, warm: 2 };
}

/** The most requests of a run that followed each other: each was wanted when the one before was answered. */
export function longestChain(requests: readonly Request[]): number {
  let free = -Infinity;
  let length = 0;
  // What ends first leaves the most time for others.
  for (const { created, ended } of [...requests].sort((a, b) => a.ended - b.ended)) {
    if (created < free) continue;
    free = ended;
    length += 1;
  }
  return length;
}
