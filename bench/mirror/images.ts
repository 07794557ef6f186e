/** A layer of random content, which no compression shrinks. Layers with one seed are the same. */
export interface LayerSpec {
  readonly seed: string;
  readonly sizeBytes: number;
}

/** An image of the source: the layers of each platform. An image of several platforms is an index. */
export interface ImageSpec {
  readonly repository: string;
  readonly platforms: readonly (readonly LayerSpec[])[];
}

export interface ImageSet {
  readonly name: SetName;
  readonly title: string;
  readonly images: readonly ImageSpec[];
}

export const setNames = ['A', 'B', 'C', 'D'] as const;
export type SetName = (typeof setNames)[number];

const MB = 1e6;

/** @param isQuick a tenth of the images or bytes: enough to show that everything works */
export function imageSet(name: SetName, isQuick: boolean): ImageSet {
  const scale = isQuick ? 0.1 : 1;
  switch (name) {
    case 'A': {
      const images = times(20 * scale, (index) =>
        image(`a/service-${index}`, [
          layer('a-base', 40),
          layer(`a-${index}-libraries`, 4.125),
          layer(`a-${index}-program`, 1.375),
        ]),
      );
      const title = `${images.length} images on one base of 40 MB, ${5.5 * images.length} MB more in total`;
      return { name, title, images };
    }
    case 'B': {
      const images = times(200 * scale, (index) =>
        image(`b/small-${index}`, [layer(`b-${index}-first`, 0.06), layer(`b-${index}-second`, 0.02)]),
      );
      return { name, title: `${images.length} small images`, images };
    }
    case 'C': {
      const images = [image('c/large', [layer('c-large', 2000 * scale)])];
      return { name, title: `one image of ${2 * scale} GB`, images };
    }
    case 'D': {
      const platform = (seed: string) => [layer(`${seed}-first`, 1), layer(`${seed}-second`, 0.1)];
      const images = times(10 * scale, (index) =>
        image(`d/index-${index}`, ...times(5, (number) => platform(`d-${index}-${number}`))),
      );
      return { name, title: `${images.length} indexes of 5 platforms`, images };
    }
  }
}

const layer = (seed: string, megabytes: number): LayerSpec => ({ seed, sizeBytes: megabytes * MB });

const image = (repository: string, ...platforms: readonly LayerSpec[][]): ImageSpec => ({
  repository,
  platforms,
});

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/**
 * The fewest requests that copying a set takes, at both registries together. Cold: each tag and each manifest is read
 * once, and each manifest is written once. A blob takes three requests (start an upload, get, put) where it is used
 * first and one mount in each further repository. Warm: a HEAD of each tag on both sides.
 */
export function fewestRequests({ images }: ImageSet): { readonly cold: number; readonly warm: number } {
  const copied = new Set<string>();
  let cold = 0;
  for (const { platforms } of images) {
    const manifests = platforms.length === 1 ? 1 : platforms.length + 1;
    const configs = platforms.length;
    cold += 1 + 2 * manifests + 3 * configs;
    for (const seed of new Set(platforms.flat().map((layer) => layer.seed))) {
      cold += copied.has(seed) ? 1 : 3;
      copied.add(seed);
    }
  }
  return { cold, warm: 2 * images.length };
}
