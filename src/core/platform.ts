import { BootstrapError } from './errors.ts';

/** What an image runs on, as image indexes and configs write it. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Other names of architectures, as image builders and `uname` write them, with containerd's interpretation. */
const architectures: Readonly<Record<string, Omit<Platform, 'os'>>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  i486: { architecture: '386' },
  i586: { architecture: '386' },
  i686: { architecture: '386' },
  x86: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/**
 * The same platform with Go's names, which nodes use. Names are compared without regard to case, and other
 * names are translated as containerd does.
 */
function normalPlatform({ os, architecture, variant = '' }: Platform): Platform {
  const name = architecture.toLowerCase();
  const known = architectures[name] ?? { architecture: name };
  const system = os.toLowerCase();
  const own = variant.toLowerCase().replace(/^(?=\d)/, 'v');
  const normal = own === '' ? known.variant : own;
  return {
    os: system === 'macos' ? 'darwin' : system,
    architecture: known.architecture,
    ...(normal === undefined ? {} : { variant: normal }),
  };
}

/** Variants that a processor runs, best first. Like containerd, arm without a variant counts as v7. */
const runs: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'arm64/': ['v8', undefined],
  'arm64/v8': ['v8', undefined],
  'arm/': ['v7', undefined, 'v6', 'v5'],
  'arm/v7': ['v7', undefined, 'v6', 'v5'],
  'arm/v6': ['v6', 'v5'],
  'amd64/': [undefined, 'v1'],
};

/**
 * Reads `os/arch` or `os/arch/variant`.
 * @throws BootstrapError `platform-unknown`
 */
export function parsePlatform(text: string): Platform {
  const platform = readPlatform(text);
  if (platform) return platform;
  throw new BootstrapError({
    code: 'platform-unknown',
    what: `unknown platform "${text}"`,
    why: 'a platform is written as os/arch or os/arch/variant',
    hint: 'Write it for example as linux/amd64 or linux/arm64.',
  });
}

/** Longer than every existing platform, and short enough for a tag that contains one. */
const longest = 64;

/** Whether images can exist for this platform. */
export const isPlatform = (text: string): boolean => readPlatform(text) !== undefined;

function readPlatform(text: string): Platform | undefined {
  if (text.length > longest) return undefined;
  const match = /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/(v?[0-9]+))?$/i.exec(text);
  const [, os, architecture, variant] = match ?? [];
  if (os === undefined || architecture === undefined) return undefined;
  return normalPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** The text that {@link parsePlatform} reads, without the usual variant of arm64. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalPlatform(platform);
  const usual = variant === undefined || (architecture === 'arm64' && variant === 'v8');
  return usual ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** How well an image for `candidate` runs on `wanted`: 0 is best, undefined is not at all. */
function distance(wanted: Platform, candidate: Platform): number | undefined {
  const offered = normalPlatform(candidate);
  if (wanted.os !== offered.os || wanted.architecture !== offered.architecture) return undefined;
  const order = runs[`${wanted.architecture}/${wanted.variant ?? ''}`] ?? [wanted.variant];
  const at = order.indexOf(offered.variant);
  return at < 0 ? undefined : at;
}

/** Whether an image for `offered` runs on `wanted`. */
export const serves = (wanted: Platform, offered: Platform): boolean =>
  distance(wanted, offered) !== undefined;

/** The candidates that serve the platform best. Several if they declare the same platform. */
export function bestFor<T extends { readonly platform?: Platform }>(
  wanted: Platform,
  candidates: readonly T[],
): readonly T[] {
  let best = Infinity;
  let chosen: T[] = [];
  for (const candidate of candidates) {
    const far = candidate.platform ? distance(wanted, candidate.platform) : undefined;
    if (far === undefined || far > best) continue;
    if (far < best) chosen = [];
    best = far;
    chosen.push(candidate);
  }
  return chosen;
}

export const chosenPlatforms = (wanted: Exclude<Platforms, 'all'>): readonly Platform[] =>
  ('anyOf' in wanted ? wanted.anyOf : wanted).map(parsePlatform);

/** How the platforms of an image compare with the desired platforms. */
export interface PlatformCoverage {
  readonly missing: readonly string[];
  /** Whether the image is usable without the missing platforms. */
  readonly isEnough: boolean;
}

/**
 * One of the nodes' platforms is enough. Only platforms of an operating system that the image supports count as
 * missing: a Linux image need not run on Windows nodes.
 */
export function platformCoverage(wanted: Platforms, offered: readonly Platform[]): PlatformCoverage {
  if (wanted === 'all') return { missing: [], isEnough: true };
  const chosen = chosenPlatforms(wanted);
  const missing = chosen.filter((platform) => !offered.some((other) => serves(platform, other)));
  if (!('anyOf' in wanted)) return { missing: missing.map(formatPlatform), isEnough: missing.length === 0 };
  if (missing.length === chosen.length) return { missing: wanted.anyOf, isEnough: false };
  const relevant = missing.filter(({ os }) => offered.some((other) => normalPlatform(other).os === os));
  return { missing: relevant.map(formatPlatform), isEnough: true };
}

/**
 * The desired platforms of an image: all platforms of the source, every platform of a list (`linux/amd64`), or
 * those of the nodes' platforms that the source has, at least one.
 */
export type Platforms = 'all' | readonly string[] | { readonly anyOf: readonly string[] };
