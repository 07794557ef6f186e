import type { Phase } from './results.ts';
import type { ImageSet } from './sets.ts';

/**
 * The fewest requests that a set takes, both registries together. Cold: each tag and each manifest is looked at once and
 * each manifest put once; a blob takes three requests (start an upload or mount, get, put) where it is used first and
 * one in each further repository. Warm: the tag is looked at on both sides.
 */
export function floorOf({ images }: ImageSet): Readonly<Record<Phase, number>> {
  const home = new Map<string, string>();
  let cold = 0;
  for (const { repository, platforms } of images) {
    const manifests = platforms.length === 1 ? 1 : platforms.length + 1;
    // Each platform has a configuration of its own, which is a blob too.
    cold += 1 + 2 * manifests + 3 * platforms.length;
    for (const seed of new Set(platforms.flat().map((layer) => layer.seed))) {
      cold += home.has(seed) ? 1 : 3;
      home.set(seed, repository);
    }
  }
  return { cold, warm: 2 * images.length };
}

/** Bytes of all layers of a set, each once. */
export function bytesOf({ images }: ImageSet): number {
  const layers = images.flatMap(({ platforms }) => platforms.flat());
  const sizes = new Map(layers.map(({ seed, size }) => [seed, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
