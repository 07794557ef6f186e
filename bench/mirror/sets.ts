/** A layer whose content follows from its seed: random, so that it cannot be compressed. `size` in bytes. */
export interface LayerSpec {
  readonly seed: string;
  readonly size: number;
}

/** One image of the source: the layers of each platform. More than one platform make an index. */
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

const kB = 1000;
const MB = 1000 * kB;
const GB = 1000 * MB;

/** How much there is of each set. `quick` shows in seconds that everything works; its figures mean little. */
const sizes = {
  full: { images: 20, base: 40 * MB, unique: 110 * MB, small: 200, large: 2 * GB, indexes: 10, platforms: 5 },
  quick: { images: 6, base: 4 * MB, unique: 6 * MB, small: 24, large: 64 * MB, indexes: 3, platforms: 3 },
};

/** The images of a set. Equal names and sizes give equal content. */
export function imageSet(name: SetName, isQuick: boolean): ImageSet {
  const size = isQuick ? sizes.quick : sizes.full;
  switch (name) {
    case 'A':
      return {
        name,
        title: `${size.images} images on one base of ${amount(size.base)}, ${amount(size.unique)} more in total`,
        images: onOneBase(size.images, size.base, size.unique / size.images),
      };
    case 'B':
      return { name, title: `${size.small} small images`, images: small(size.small) };
    case 'C':
      return { name, title: `one image of ${amount(size.large)}`, images: large(size.large) };
    case 'D':
      return {
        name,
        title: `${size.indexes} indexes of ${size.platforms} platforms`,
        images: indexes(size.indexes, size.platforms),
      };
  }
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Own layers of a quarter and three quarters, so that not all are alike. */
const onOneBase = (count: number, base: number, own: number): ImageSpec[] =>
  times(count, (index) => ({
    repository: `a/service-${index}`,
    platforms: [
      [
        { seed: 'a-base', size: base },
        { seed: `a-${index}-libraries`, size: own * 0.75 },
        { seed: `a-${index}-program`, size: own * 0.25 },
      ],
    ],
  }));

const small = (count: number): ImageSpec[] =>
  times(count, (index) => ({
    repository: `b/small-${index}`,
    platforms: [
      [
        { seed: `b-${index}-first`, size: 60 * kB },
        { seed: `b-${index}-second`, size: 20 * kB },
      ],
    ],
  }));

const large = (size: number): ImageSpec[] => [
  { repository: 'c/large', platforms: [[{ seed: 'c-large', size }]] },
];

const indexes = (count: number, platforms: number): ImageSpec[] =>
  times(count, (index) => ({
    repository: `d/index-${index}`,
    platforms: times(platforms, (platform) => [
      { seed: `d-${index}-${platform}-first`, size: 1 * MB },
      { seed: `d-${index}-${platform}-second`, size: 100 * kB },
    ]),
  }));

const amount = (bytes: number): string => (bytes >= GB ? `${bytes / GB} GB` : `${bytes / MB} MB`);
