import { BootstrapError } from '../../core/errors.ts';
import { ecrReference } from '../../images/naming.ts';
import type { Platforms } from '../../core/platform.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { parseReference, type Reference } from '../../images/reference.ts';
import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent, type Digest, isAcceptedByEcr } from '../../clients/registry/digest.ts';
import type { Call } from '../../clients/registry/host.ts';
import type { MirrorHistory } from '../../clients/registry/history.ts';
import type { Descriptor, Manifest } from '../../clients/registry/manifest.ts';
import type { MirrorResult } from '../engine.ts';
import type { RepositoryLocation } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { select, type Selection } from './select.ts';
import { fromSource } from './source-error.ts';
import { ManifestTree } from './tree.ts';

/** One image, looked up on both sides: what there is and what has to be done. Everything in it is fixed by digest. */
export interface Resolution {
  readonly image: WantedImage;
  readonly source: RepositoryLocation;
  readonly target: string;
  readonly state: Extract<MirrorResult['state'], 'current' | 'would-copy' | 'would-move' | 'kept'>;
  readonly sourceDigest: Digest;
  readonly selection: Selection;
  /** What the tag in the ECR points at now. */
  readonly present?: Digest;
}

/** All blobs of what is selected, each once. */
export function blobsOf({ selection }: Resolution): Descriptor[] {
  const manifests = [...selection.inner, selection.root];
  return [...new Map(manifests.flatMap(({ blobs }) => blobs).map((blob) => [blob.digest, blob])).values()];
}

/** Bytes. */
export const sizeOf = (resolution: Resolution): number =>
  blobsOf(resolution).reduce((sum, { size }) => sum + size, 0);

export interface ResolveContext {
  readonly target: Registry;
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly history: MirrorHistory;
  readonly platforms: Platforms;
  readonly noClobber: boolean;
}

interface Sides {
  readonly image: WantedImage;
  readonly reference: Reference;
  readonly source: RepositoryLocation;
  readonly destination: RepositoryLocation;
  /** What the tag in the ECR points at. */
  readonly present: Digest | undefined;
  /** What the tag at the source points at, where it was asked already. */
  readonly digest: Digest | undefined;
}

/**
 * Finds out what the source is and what the ECR has, with a HEAD on each side when nothing is new, and one at the ECR for
 * an image that is pinned.
 * @throws BootstrapError, RegistryError, CorruptContent
 */
export async function resolve(
  wanted: WantedImage,
  resolving: ResolveContext,
  call: Call,
): Promise<Resolution> {
  const { target, contents } = resolving;
  const reference = parseReference(wanted.source);
  if (reference.digest !== undefined && !isAcceptedByEcr(reference.digest))
    throw unsupportedDigest(wanted.source);
  const source = { registry: resolving.sourceOf(reference.host), repository: reference.path };
  const destination = { registry: target, repository: wanted.repository };
  const { image, present, digest } =
    reference.digest === undefined
      ? await lookUpTag(wanted, reference, source, resolving, call)
      : await lookUpPinned(wanted, { ...reference, digest: reference.digest }, source, target, call);
  const sides = { image, reference, source, destination, present, digest };
  const manifest = await sourceManifest(sides, contents, call);

  const isCopied = manifest.digest === present;
  // Docker Hub counts what is fetched from it; what the ECR holds already is read there.
  const place = isCopied ? destination : source;
  const what = `mirror ${image.source}`;
  const read = (digest: Digest) => contents.manifest(place, digest, call);
  const tree = new ManifestTree(manifest, read, { what, signal: call.signal });
  const parts = {
    manifest: (digest: Digest) => tree.manifest(digest),
    below: (isFollowed?: (entry: Descriptor) => boolean) => tree.below(isFollowed),
    config: (config: Parameters<Contents['config']>[1]) => contents.config(place, config, call),
  };
  const platforms = reference.digest === undefined ? resolving.platforms : 'all';
  const selection = await select(manifest, platforms, parts, what);
  const isCurrent =
    present !== undefined &&
    (isCopied || (await serves(present, selection, platforms, destination, contents, call)));
  return {
    image,
    source,
    target: ecrReference(target.name, image),
    state: stateOf(present, isCurrent, resolving.noClobber),
    sourceDigest: manifest.digest,
    selection,
    ...(present === undefined ? {} : { present }),
  };
}

/** What a HEAD on each side says. */
interface Found extends Pick<Sides, 'present' | 'digest'> {
  /** The wanted image, perhaps under another name in the ECR. */
  readonly image: WantedImage;
}

async function lookUpTag(
  image: WantedImage,
  reference: Reference,
  source: RepositoryLocation,
  { target, history }: ResolveContext,
  call: Call,
): Promise<Found> {
  const [present, digest] = await Promise.all([
    target.headManifest(image.repository, image.tag, call),
    history
      .has(`present ${ecrReference(target.name, image)}`)
      .then((isLikely) => (isLikely ? sourceDigest(image, source, call) : undefined)),
  ]);
  return { image, present, digest };
}

/**
 * A runtime pulls a pinned image by its digest, so the ECR is asked for that. A new one gets its tag as well, but only a
 * tag that is free in the ECR and that gives this digest at the source: a pin must not decide what others get by the tag.
 */
async function lookUpPinned(
  image: WantedImage,
  { tag, digest }: Reference & { readonly digest: Digest },
  source: RepositoryLocation,
  target: Registry,
  call: Call,
): Promise<Found> {
  const byDigest = { ...image, tag: digest };
  const present = await target.headManifest(image.repository, digest, call);
  if (present !== undefined || tag === undefined || image.tag === digest)
    return { image: byDigest, present, digest };
  const [held, offered] = await Promise.all([
    target.headManifest(image.repository, image.tag, call),
    tagAtSource(source, tag, call),
  ]);
  const isTagged = held === undefined && offered === digest;
  return { image: isTagged ? image : byDigest, present: undefined, digest };
}

/** What a tag gives at the source; undefined when that cannot be found out. */
async function tagAtSource({ registry, repository }: RepositoryLocation, tag: string, call: Call) {
  try {
    return await registry.headManifest(repository, tag, call);
  } catch (error) {
    if (call.signal.aborted || !(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}

function stateOf(present: Digest | undefined, isCurrent: boolean, noClobber: boolean): Resolution['state'] {
  if (isCurrent) return 'current';
  if (present === undefined) return 'would-copy';
  return noClobber ? 'kept' : 'would-move';
}

/**
 * The source's manifest. When the ECR has the tag already, the source is only asked for its digest, and the manifest
 * itself comes from the cache or from the ECR if it can.
 */
async function sourceManifest(
  { image, reference, source, destination, present, digest }: Sides,
  contents: Contents,
  call: Call,
): Promise<Manifest> {
  const fixed = digest ?? (present && (await sourceDigest(image, source, call)));
  if (fixed === undefined) return fromSource(image, contents.tagged(source, reference.tag ?? 'latest', call));
  if (fixed === present) return contents.manifest(destination, fixed, call);
  return fromSource(image, contents.manifest(source, fixed, call));
}

/** What the source gives for an image, by a HEAD. @throws BootstrapError `image-missing`, RegistryError */
export async function sourceDigest(
  image: WantedImage,
  source: RepositoryLocation,
  call: Call,
): Promise<Digest> {
  const { digest, tag = 'latest' } = parseReference(image.source);
  const { registry, repository } = source;
  return fromSource(image, registry.headManifest(repository, digest ?? tag, call));
}

/** Whether the tag in the ECR already gives what is wanted, perhaps with more. */
async function serves(
  present: Digest,
  { root }: Selection,
  wanted: Platforms,
  destination: RepositoryLocation,
  contents: Contents,
  call: Call,
): Promise<boolean> {
  if (present === root.digest) return true;
  if (wanted === 'all') return false;
  const held = await readable(contents.manifest(destination, present, call));
  if (!held) return false;
  const needed = root.isIndex ? root.children.map(({ digest }) => digest) : [root.digest];
  return needed.every((digest) => held.children.some((child) => child.digest === digest));
}

/** Undefined for what was put there by another tool and is no image that this program knows: it gives nothing. */
async function readable(manifest: Promise<Manifest>): Promise<Manifest | undefined> {
  try {
    return await manifest;
  } catch (error) {
    const isOdd = error instanceof BootstrapError && /^image-(unsupported|corrupt)$/.test(error.code);
    if (isOdd || error instanceof CorruptContent) return undefined;
    throw error;
  }
}

function unsupportedDigest(source: string): BootstrapError {
  return new BootstrapError({
    code: 'image-unsupported',
    what: `mirror ${source}`,
    why: 'it is pinned to a SHA-512 digest, and ECR supports SHA-256 digests only',
    hint: 'Pin the image to its SHA-256 digest, or leave it out with images.exclude.',
  });
}
