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

/** How the registries and the way to them differ from plain HTTP at a distance. */
export interface Conditions {
  readonly isTls?: boolean;
  /** As ECR does, unless the account allows mounts. */
  readonly refusesMounts?: boolean;
  /** The share of all requests, to either registry, that is answered with 429. */
  readonly refusedShare?: number;
  /** What all connections from the source carry together. */
  readonly sourceBytesPerSecond?: number;
}

/** Images, and the conditions under which they are copied. */
export interface ImageSet extends Conditions {
  readonly name: SetName;
  readonly title: string;
  readonly images: readonly ImageSpec[];
}

type PlainSetName = 'A' | 'B' | 'C' | 'D' | 'E';
type SetSpec = Conditions & { readonly plain: PlainSetName; readonly suffix?: string };

const sets = {
  A: { plain: 'A' },
  B: { plain: 'B' },
  C: { plain: 'C' },
  D: { plain: 'D' },
  'C-tls': { plain: 'C', suffix: ' over TLS', isTls: true },
  'A-no-mounts': { plain: 'A', suffix: ', mounts refused', refusesMounts: true },
  'E-no-mounts': { plain: 'E', suffix: ', mounts refused', refusesMounts: true },
  'A-100mbit': { plain: 'A', suffix: ', the source behind 100 Mbit/s', sourceBytesPerSecond: 100e6 / 8 },
  'A-429': { plain: 'A', suffix: ', 5 % of the requests refused', refusedShare: 0.05 },
  'B-429': { plain: 'B', suffix: ', 5 % of the requests refused', refusedShare: 0.05 },
} satisfies Record<string, SetSpec>;
export type SetName = keyof typeof sets;
export const setNames = Object.keys(sets) as SetName[];

/** The set with the same images and without conditions. */
export const plainSetOf = (name: SetName): string => sets[name].plain;

/** @param isQuick a tenth of the images or bytes: enough to show that everything works */
export function imageSet(name: SetName, isQuick: boolean): ImageSet {
  const { plain, suffix = '', ...conditions }: SetSpec = sets[name];
  const { title, images } = plainSet(plain, isQuick ? 0.1 : 1);
  return { name, title: `${title}${suffix}`, images, ...conditions };
}

const MB = 1e6;

function plainSet(name: PlainSetName, scale: number): Pick<ImageSet, 'title' | 'images'> {
  switch (name) {
    case 'A': {
      const images = imagesOnOneBase('a', 1, scale);
      return { title: `${images.length} images on one base`, images };
    }
    case 'B': {
      const images = times(200 * scale, (index) =>
        image(`b/small-${index}`, [layer(`b-${index}-first`, 0.06), layer(`b-${index}-second`, 0.02)]),
      );
      return { title: `${images.length} small images`, images };
    }
    case 'C': {
      const images = [image('c/large', [layer('c-large', 2000 * scale)])];
      return { title: `one image of ${2 * scale} GB`, images };
    }
    case 'D': {
      const platform = (seed: string) => [layer(`${seed}-first`, 1), layer(`${seed}-second`, 0.1)];
      const images = times(10 * scale, (index) =>
        image(`d/index-${index}`, ...times(5, (number) => platform(`d-${index}-${number}`))),
      );
      return { title: `${images.length} indexes of 5 platforms`, images };
    }
    case 'E': {
      const images = imagesOnOneBase('e', 0.1, scale);
      return { title: `${images.length} images on one base of 4 MB`, images };
    }
  }
}

const imagesOnOneBase = (name: string, sizes: number, scale: number): ImageSpec[] =>
  times(20 * scale, (index) =>
    image(`${name}/service-${index}`, [
      layer(`${name}-base`, 40 * sizes),
      layer(`${name}-${index}-libraries`, 4.125 * sizes),
      layer(`${name}-${index}-program`, 1.375 * sizes),
    ]),
  );

const layer = (seed: string, megabytes: number): LayerSpec => ({ seed, sizeBytes: megabytes * MB });

const image = (repository: string, ...platforms: readonly LayerSpec[][]): ImageSpec => ({
  repository,
  platforms,
});

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const manifestsOf = ({ platforms }: ImageSpec): number => (platforms.length === 1 ? 1 : platforms.length + 1);

/** ECR's default quota for PutImage. */
const ecrManifestsPerSecond = 10;

/** The seconds that a set takes at least to get into ECR. */
export const ecrFloorSeconds = ({ images }: ImageSet): number =>
  images.reduce((sum, image) => sum + manifestsOf(image), 0) / ecrManifestsPerSecond;

/**
 * The fewest requests that copying a set takes, at both registries together. Cold: each tag and each manifest is read
 * once, and each manifest is written once. A blob takes three requests (start an upload, get, put) where it is used
 * first and one mount in each further repository. Warm: a HEAD of each tag on both sides.
 */
export function fewestRequests({ images }: ImageSet): { readonly cold: number; readonly warm: number } {
  const copied = new Set<string>();
  let cold = 0;
  for (const image of images) {
    const configs = image.platforms.length;
    cold += 1 + 2 * manifestsOf(image) + 3 * configs;
    for (const seed of new Set(image.platforms.flat().map((layer) => layer.seed))) {
      cold += copied.has(seed) ? 1 : 3;
      copied.add(seed);
    }
  }
  return { cold, warm: 2 * images.length };
}
