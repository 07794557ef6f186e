import { BootstrapError } from '../../core/errors.ts';
import {
  bestFor,
  chosenPlatforms,
  platformCoverage,
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

/** What of a source is copied to ECR. */
export interface Selection {
  /** What the tag will point to. */
  readonly root: Manifest;
  /** Manifests to put before the root: children before their index, each once. */
  readonly inner: readonly Manifest[];
  readonly content: 'whole' | 'platform' | 'reduced';
  readonly platforms: readonly string[];
  /** Wanted platforms that the source does not have. */
  readonly missing: readonly string[];
}

/** Reads the content of a source. */
export interface SourceReader {
  manifest(entry: Descriptor): Promise<Manifest>;
  /** All manifests below the source, or only the followed ones; each before those that refer to it. */
  below(isFollowed?: (entry: Descriptor) => boolean): Promise<readonly Manifest[]>;
  config(config: Descriptor): Promise<Buffer>;
}

/**
 * Selects what to copy. For all platforms the source is copied unchanged, with its digest. Otherwise only images
 * of wanted platforms are copied: a single one gets the tag itself, several get an index that has nothing else.
 * Artifacts have no platform and are always copied.
 * @param what the source, for error messages
 * @throws BootstrapError `image-platform-missing`
 */
export async function selectPlatforms(
  source: Manifest,
  wanted: Platforms,
  reader: SourceReader,
  what: string,
): Promise<Selection> {
  if (!source.isIndex) return single(source, wanted, reader, what);
  if (wanted === 'all') return whole(source, await platformsIn(source, reader), reader);
  const images = await imagesIn(source, reader);
  // An index without platforms contains artifacts.
  if (images.length === 0) return whole(source, [], reader);
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
      const root = await reader.manifest(only);
      return { root, inner: [], content: 'platform', platforms, missing };
    }
  }
  if (source.children.every((child) => chosen.has(child))) return whole(source, platforms, reader, missing);
  const kept = images.filter((image) => chosen.has(image));
  const inner = await Promise.all(kept.map((image) => reader.manifest(image)));
  return { root: reduce(source, kept, what), inner, content: 'reduced', platforms, missing };
}

async function single(
  source: Manifest,
  wanted: Platforms,
  reader: SourceReader,
  what: string,
): Promise<Selection> {
  const found = source.config && configPlatform(await reader.config(source.config));
  const missing = found ? missingIn(wanted, [found], what) : [];
  const platforms = found ? [formatPlatform(found)] : [];
  return { root: source, inner: [], content: 'whole', platforms, missing };
}

/** @throws BootstrapError `image-platform-missing` when the missing platforms make the image useless */
function missingIn(wanted: Platforms, offered: readonly Platform[], what: string): readonly string[] {
  const { missing, isEnough } = platformCoverage(wanted, offered);
  if (!isEnough) throw absent(what, missing, offered);
  return missing;
}

async function whole(
  root: Manifest,
  platforms: readonly string[],
  reader: SourceReader,
  missing: readonly string[] = [],
): Promise<Selection> {
  return { root, inner: await reader.below(), content: 'whole', platforms, missing };
}

/** The images in an index and in its nested indexes. */
async function imagesIn(index: Manifest, reader: SourceReader): Promise<Descriptor[]> {
  const isIndex = ({ mediaType }: Descriptor) => isIndexType(mediaType);
  const indexes = [index, ...(await reader.below(isIndex))];
  return indexes
    .flatMap(({ children }) => children)
    .filter((child) => child.platform && !isIndex(child) && !isAttestation(child));
}

const platformsIn = async (index: Manifest, reader: SourceReader) =>
  platformsOf(await imagesIn(index, reader));

const platformsOf = (images: readonly Descriptor[]): string[] => [
  ...new Set(images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))),
];

/** The same index with fewer entries. Equal sources give equal bytes, so the next run recognizes it. */
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
        why: 'its index is nested too deeply to select platforms from',
        hint: 'Mirror all platforms with --platform all, or exclude the image with images.exclude.',
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
    hint: 'Choose available platforms with --platform or images.platforms, or exclude the image with images.exclude.',
  });
}
