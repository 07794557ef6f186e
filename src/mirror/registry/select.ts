import { BootstrapError } from '../../core/errors.ts';
import type { Digest } from '../../clients/registry/digest.ts';
import {
  bestFor,
  chosenPlatforms,
  coverage,
  formatPlatform,
  type Platform,
  type Platforms,
} from '../../core/platform.ts';
import {
  configPlatform,
  type Descriptor,
  isAttestation,
  isIndexType,
  type Manifest,
  parseManifest,
} from '../../clients/registry/manifest.ts';

/** What of a source goes to the ECR. */
export interface Selection {
  /** What the tag will point at. */
  readonly root: Manifest;
  /** What has to be there before: children before their index, each once. */
  readonly inner: readonly Manifest[];
  readonly content: 'whole' | 'platform' | 'reduced';
  readonly platforms: readonly string[];
  /** Wanted platforms that the source does not have. */
  readonly missing: readonly string[];
}

/** Where a source's parts are read. */
export interface Parts {
  manifest(digest: Digest): Promise<Manifest>;
  /** All manifests below the source, each before those that refer to it; perhaps only some. */
  below(isFollowed?: (entry: Descriptor) => boolean): Promise<readonly Manifest[]>;
  config(config: Descriptor): Promise<Buffer>;
}

/**
 * Chooses what is copied. With all platforms the source stays as it is, with its digest. Else only images of wanted
 * platforms are taken: a single one is put under the tag itself, several in an index that holds nothing else.
 * Artifacts have no platform and are always wanted.
 * @param what the source, for error messages
 * @throws BootstrapError `image-platform-missing`
 */
export async function select(
  source: Manifest,
  wanted: Platforms,
  parts: Parts,
  what: string,
): Promise<Selection> {
  if (!source.isIndex) return single(source, wanted, parts, what);
  if (wanted === 'all') return whole(source, await platformsIn(source, parts), parts);
  const images = await imagesIn(source, parts);
  // An index without any platform holds artifacts.
  if (images.length === 0) return whole(source, [], parts);
  const missing = missingIn(
    wanted,
    images.flatMap(({ platform }) => platform ?? []),
    what,
  );
  const chosen = new Set(chosenPlatforms(wanted).flatMap((platform) => bestFor(platform, images)));
  const platforms = platformsOf([...chosen]);
  if (chosen.size === 1) {
    const [only] = chosen;
    if (only) {
      const root = await parts.manifest(only.digest);
      return { root, inner: [], content: 'platform', platforms, missing };
    }
  }
  if (source.children.every((child) => chosen.has(child))) return whole(source, platforms, parts, missing);
  const kept = images.filter((image) => chosen.has(image));
  const inner = await Promise.all(kept.map(({ digest }) => parts.manifest(digest)));
  return { root: reduce(source, kept, what), inner, content: 'reduced', platforms, missing };
}

async function single(source: Manifest, wanted: Platforms, parts: Parts, what: string): Promise<Selection> {
  const found = source.config && configPlatform(await parts.config(source.config));
  const missing = found ? missingIn(wanted, [found], what) : [];
  const platforms = found ? [formatPlatform(found)] : [];
  return { root: source, inner: [], content: 'whole', platforms, missing };
}

/** @throws BootstrapError `image-platform-missing` when the image would be of no use without them */
function missingIn(wanted: Platforms, offered: readonly Platform[], what: string): readonly string[] {
  const { missing, isEnough } = coverage(wanted, offered);
  if (!isEnough) throw absent(what, missing, offered);
  return missing;
}

async function whole(
  root: Manifest,
  platforms: readonly string[],
  parts: Parts,
  missing: readonly string[] = [],
): Promise<Selection> {
  return { root, inner: await parts.below(), content: 'whole', platforms, missing };
}

/** The images in an index and in the indexes that it holds. */
async function imagesIn(index: Manifest, parts: Parts): Promise<Descriptor[]> {
  const isIndex = ({ mediaType }: Descriptor) => isIndexType(mediaType);
  const indexes = [index, ...(await parts.below(isIndex))];
  return indexes
    .flatMap(({ children }) => children)
    .filter((child) => child.platform && !isIndex(child) && !isAttestation(child));
}

const platformsIn = async (index: Manifest, parts: Parts) => platformsOf(await imagesIn(index, parts));

const platformsOf = (images: readonly Descriptor[]): string[] => [
  ...new Set(images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))),
];

/** The same index with fewer entries. Equal sources give equal bytes, so the next run knows it again. */
function reduce(source: Manifest, kept: readonly Descriptor[], what: string): Manifest {
  const original = JSON.parse(source.bytes.toString()) as Record<string, unknown>;
  return parseManifest(
    bytesOf({ ...original, mediaType: source.mediaType, manifests: kept }, what),
    source.mediaType,
    what,
  );
}

function bytesOf(index: object, what: string): Buffer {
  try {
    return Buffer.from(JSON.stringify(index));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BootstrapError(
      {
        code: 'image-unsupported',
        what,
        why: 'its index is nested too deeply to be written again for fewer platforms',
        hint: 'Mirror all its platforms with --platform all, or leave the image out with images.exclude.',
      },
      { cause: error },
    );
  }
}

function absent(what: string, missing: readonly string[], offered: readonly Platform[]): BootstrapError {
  const has = [...new Set(offered.map(formatPlatform))].join(', ');
  return new BootstrapError({
    code: 'image-platform-missing',
    what,
    why: `the source has no image for ${missing.join(' or ')}, only for ${has || 'unknown platforms'}`,
    hint: 'Choose platforms that it has with --platform or images.platforms, or leave it out with images.exclude.',
  });
}
