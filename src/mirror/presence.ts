import pLimit from 'p-limit';
import type { EcrPort, StoredManifest, UnreadableManifest } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import { platformCoverage, type Platform, type Platforms } from '../core/platform.ts';
import { isTagImmutable, type WantedImage } from '../images/wanted.ts';
import { parseReference } from '../images/reference.ts';
import type { Registry } from '../clients/registry/client.ts';
import { type Digest, isAcceptedByEcr } from '../clients/registry/digest.ts';
import type { RequestContext } from '../clients/registry/host.ts';
import { configPlatform, isAttestation, isIndexType, parseManifest } from '../clients/registry/manifest.ts';
import { isTolerable } from '../core/members.ts';
import { platformMark } from './platform-marks.ts';
import type { Contents } from './registry/contents.ts';
import { failureOf } from './registry/result.ts';

/** What ECR has of a desired image. The source receives no request. */
export interface Presence {
  readonly image: WantedImage;
  readonly digest?: Digest;
  /** Wanted platforms to copy; empty when ECR does not have the image at all. */
  readonly missingPlatforms: readonly string[];
  /** Platforms of nodes that the source did not have when the image was copied. */
  readonly unavailablePlatforms: readonly string[];
  /** Why the presence is unknown. */
  readonly error?: BootstrapError;
}

export interface PresenceClients {
  readonly ecr: EcrPort;
  readonly registry: Registry;
  readonly contents: Contents;
}

/** Concurrent queries, one for each repository. */
const concurrency = 20;

/**
 * What ECR has of the desired images. Looks up many tags of a repository in one call, and sends no request to a
 * source. A pinned image is looked up by its digest, whatever its tag points to. It is complete, because a
 * digest's content is fixed.
 */
export async function presenceOf(
  images: readonly WantedImage[],
  platforms: Platforms,
  clients: PresenceClients,
): Promise<Presence[]> {
  const { signal } = new AbortController();
  const call = { signal };
  const { found, failures, unreadable } = await storedManifests(images, clients.ecr);
  return Promise.all(
    images.map(async (image): Promise<Presence> => {
      const none = { image, missingPlatforms: [], unavailablePlatforms: [] };
      const pin = pinOf(image);
      const key = lookupKey(image.repository, pin ?? image.tag);
      const error = failures.get(image.repository) ?? unreadable.get(key);
      if (error) return { ...none, error };
      const manifest = found.get(key);
      if (!manifest) return none;
      const { digest } = manifest;
      if (platforms === 'all' || pin !== undefined) return { ...none, digest };
      try {
        const compared = await comparePlatforms(manifest, platforms, clients, call);
        return { image, digest, ...(isTagImmutable(image) ? asUnavailable(compared) : compared) };
      } catch (thrown) {
        return {
          ...none,
          digest,
          error: toTolerable(thrown, `could not look up ${image.repository}:${image.tag}`),
        };
      }
    }),
  );
}

const pinOf = ({ source }: WantedImage): Digest | undefined => parseReference(source).digest;

const lookupKey = (repository: string, reference: string) => `${repository} ${reference}`;

/** @throws the error itself if all other images would fail with it too */
function toTolerable(thrown: unknown, what: string): BootstrapError {
  const error = failureOf(thrown, what);
  if (!isTolerable(error)) throw error;
  return error;
}

interface StoredManifests {
  readonly found: ReadonlyMap<string, StoredManifest>;
  /** By repository. */
  readonly failures: ReadonlyMap<string, BootstrapError>;
  /** By repository and reference. */
  readonly unreadable: ReadonlyMap<string, BootstrapError>;
}

/** Archived images are listed and cannot be pulled: Amazon ECR User Guide, "Archiving an image". */
function inaccessible(repository: string, { reference, code, reason }: UnreadableManifest): BootstrapError {
  const image = reference.includes(':') ? `imageDigest=${reference}` : `imageTag=${reference}`;
  const about = `--repository-name ${repository}`;
  return new BootstrapError({
    code: 'image-inaccessible',
    what: `could not read ${repository}${reference.includes(':') ? '@' : ':'}${reference}`,
    why: `${code}: ${reason}`,
    hint:
      `See its status: \`aws ecr describe-images ${about} --image-ids ${image} --query imageDetails[].imageStatus\`. ` +
      `If it is ARCHIVED, restore it, which takes up to 20 minutes: \`aws ecr update-image-storage-class ${about} --image-id ${image} --target-storage-class STANDARD\`.`,
  });
}

async function storedManifests(images: readonly WantedImage[], ecr: EcrPort): Promise<StoredManifests> {
  const references = new Map<string, Set<string>>();
  for (const image of images) {
    const { repository, tag } = image;
    const pin = pinOf(image);
    // ECR rejects the whole batch if it cannot read one identifier.
    if (pin !== undefined && !isAcceptedByEcr(pin)) continue;
    references.set(repository, (references.get(repository) ?? new Set()).add(pin ?? tag));
  }
  const found = new Map<string, StoredManifest>();
  const failures = new Map<string, BootstrapError>();
  const unreadable = new Map<string, BootstrapError>();
  await pLimit(concurrency).map(references, async ([repository, wanted]) => {
    try {
      const answer = await ecr.manifests(repository, [...wanted]);
      for (const one of answer.unreadable) {
        unreadable.set(lookupKey(repository, one.reference), inaccessible(repository, one));
      }
      for (const manifest of answer.found) {
        found.set(lookupKey(repository, manifest.digest), manifest);
        if (manifest.tag !== undefined) found.set(lookupKey(repository, manifest.tag), manifest);
      }
    } catch (thrown) {
      failures.set(repository, toTolerable(thrown, `could not look up repository ${repository}`));
    }
  });
  return { found, failures, unreadable };
}

type Compared = Pick<Presence, 'missingPlatforms' | 'unavailablePlatforms'>;

/** A tag that cannot move never gets another platform. */
const asUnavailable = ({ missingPlatforms, unavailablePlatforms }: Compared): Compared => ({
  missingPlatforms: [],
  unavailablePlatforms: [...missingPlatforms, ...unavailablePlatforms],
});

async function comparePlatforms(
  stored: StoredManifest,
  wanted: Exclude<Platforms, 'all'>,
  clients: PresenceClients,
  call: RequestContext,
): Promise<Compared> {
  const available = await platformsOf(stored, clients, call);
  const { missing, isEnough } = platformCoverage(available ? wanted : 'all', available ?? []);
  if (missing.length === 0 || !isEnough) return { missingPlatforms: missing, unavailablePlatforms: [] };
  const marks = new Map(missing.map((platform) => [platformMark(stored.digest, platform), platform]));
  const { found: marked } = await clients.ecr.manifests(stored.repository, [...marks.keys()]);
  const unavailable = new Set(
    marked.filter(({ digest }) => digest === stored.digest).map(({ tag = '' }) => marks.get(tag)),
  );
  return {
    missingPlatforms: missing.filter((platform) => !unavailable.has(platform)),
    unavailablePlatforms: missing.filter((platform) => unavailable.has(platform)),
  };
}

/** @returns undefined for artifacts, which have no platform */
async function platformsOf(
  stored: StoredManifest,
  clients: PresenceClients,
  call: RequestContext,
  seen = new Set<Digest>(),
): Promise<readonly Platform[] | undefined> {
  const { repository, digest } = stored;
  const what = `could not read the manifest ${repository}@${digest}`;
  const manifest = parseManifest(Buffer.from(stored.manifest), stored.mediaType, what);
  if (!manifest.isIndex) {
    const location = { registry: clients.registry, repository };
    const found =
      manifest.config && configPlatform(await clients.contents.config(location, manifest.config, call));
    return found && [found];
  }
  const nested = new Set<Digest>();
  for (const { mediaType, digest: child } of manifest.children) {
    if (!isIndexType(mediaType) || seen.has(child)) continue;
    seen.add(child);
    nested.add(child);
  }
  const inner = nested.size > 0 ? (await clients.ecr.manifests(repository, [...nested])).found : [];
  const innerPlatforms = await Promise.all(inner.map((index) => platformsOf(index, clients, call, seen)));
  const own = manifest.children.flatMap((child) =>
    child.platform && !isAttestation(child) ? [child.platform] : [],
  );
  const all = [...own, ...innerPlatforms.flatMap((platforms) => platforms ?? [])];
  return all.length > 0 ? all : undefined;
}
