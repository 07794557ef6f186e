import { setMaxListeners } from 'node:events';
import type { EcrPort, StoredManifest } from '../aws/port.ts';
import { formatPlatform, parsePlatform, type Platform, serves } from '../images/platform.ts';
import type { Platforms, WantedImage } from '../images/port.ts';
import { parseReference } from '../images/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Digest, isTakenByEcr } from '../registry/digest.ts';
import type { Call } from '../registry/host.ts';
import { configPlatform, isAttestation, isIndexType, parseManifest } from '../registry/manifest.ts';
import type { Presence } from './port.ts';
import type { Contents } from './registry/contents.ts';

export interface PresenceParts {
  readonly ecr: EcrPort;
  readonly registry: Registry;
  readonly contents: Contents;
}

/** Repositories asked about at once. */
const atOnce = 20;

/**
 * What the ECR has of the wanted images. Asks about many tags of a repository in one call, and never a source. A pinned
 * image is asked for by its digest, whatever its tag holds, and lacks no platform: nothing can be added behind a digest.
 */
export async function presenceOf(
  images: readonly WantedImage[],
  platforms: Platforms,
  parts: PresenceParts,
): Promise<Presence[]> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const call = { signal };
  const stored = await storedManifests(images, parts.ecr);
  return Promise.all(
    images.map(async (image) => {
      const pin = pinOf(image);
      const manifest = stored.get(nameOf(image.repository, pin ?? image.tag));
      if (!manifest) return { image, missingPlatforms: [] };
      const isWhole = platforms === 'all' || pin !== undefined;
      const given = isWhole ? undefined : await platformsOf(manifest, parts, call);
      return { image, digest: manifest.digest, missingPlatforms: missing(platforms, given) };
    }),
  );
}

const pinOf = ({ source }: WantedImage): Digest | undefined => parseReference(source).digest;

const nameOf = (repository: string, reference: string) => `${repository} ${reference}`;

async function storedManifests(
  images: readonly WantedImage[],
  ecr: EcrPort,
): Promise<ReadonlyMap<string, StoredManifest>> {
  const references = new Map<string, Set<string>>();
  for (const image of images) {
    const { repository, tag } = image;
    const pin = pinOf(image);
    // One identifier that ECR cannot read fails the whole batch.
    if (pin !== undefined && !isTakenByEcr(pin)) continue;
    references.set(repository, (references.get(repository) ?? new Set()).add(pin ?? tag));
  }
  const found = new Map<string, StoredManifest>();
  const queue = references.entries();
  const worker = async (): Promise<void> => {
    for (const [repository, wanted] of queue) {
      for (const manifest of await ecr.manifests(repository, [...wanted])) {
        found.set(nameOf(repository, manifest.digest), manifest);
        if (manifest.tag !== undefined) found.set(nameOf(repository, manifest.tag), manifest);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, references.size) }, worker));
  return found;
}

/** Undefined for what has no platform: artifacts. */
async function platformsOf(
  stored: StoredManifest,
  parts: PresenceParts,
  call: Call,
): Promise<readonly Platform[] | undefined> {
  const { repository, digest } = stored;
  const what = `read the manifest ${repository}@${digest}`;
  const manifest = parseManifest(Buffer.from(stored.manifest), stored.mediaType, what);
  if (!manifest.isIndex) {
    const place = { registry: parts.registry, repository };
    const found =
      manifest.config && configPlatform(await parts.contents.config(place, manifest.config, call));
    return found && [found];
  }
  const nested = manifest.children
    .filter(({ mediaType }) => isIndexType(mediaType))
    .map((child) => child.digest);
  const inner = nested.length > 0 ? await parts.ecr.manifests(repository, nested) : [];
  const innerPlatforms = await Promise.all(inner.map((index) => platformsOf(index, parts, call)));
  const own = manifest.children.flatMap((child) =>
    child.platform && !isAttestation(child) ? [child.platform] : [],
  );
  const all = [...own, ...innerPlatforms.flatMap((platforms) => platforms ?? [])];
  return all.length > 0 ? all : undefined;
}

function missing(wanted: Platforms, given: readonly Platform[] | undefined): string[] {
  if (wanted === 'all' || !given) return [];
  return wanted
    .map(parsePlatform)
    .filter((platform) => !given.some((offered) => serves(platform, offered)))
    .map(formatPlatform);
}
