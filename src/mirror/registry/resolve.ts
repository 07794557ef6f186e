import { BootstrapError } from '../../core/errors.ts';
import { ecrReference } from '../../images/naming.ts';
import type { Platforms } from '../../core/platform.ts';
import { isTagImmutable, originOf, type WantedImage } from '../../images/wanted.ts';
import { parseReference, type Reference } from '../../images/reference.ts';
import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent, type Digest, isAcceptedByEcr } from '../../clients/registry/digest.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import type { MirrorHistory } from '../../clients/registry/history.ts';
import type { Descriptor, Manifest } from '../../clients/registry/manifest.ts';
import { type HeldImage, keepsTag, type MirrorResult } from '../engine.ts';
import type { RepositoryLocation } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { selectPlatforms, type Selection } from './select.ts';
import { fromSource } from './source-error.ts';
import { ManifestTree } from './tree.ts';

/** One image, looked up at its source and in ECR, and what to do. It refers to all content by digest. */
export interface Resolution {
  readonly image: WantedImage;
  readonly source: RepositoryLocation;
  readonly target: string;
  readonly state: Extract<MirrorResult['state'], 'current' | 'would-copy' | 'would-move' | 'kept'>;
  readonly sourceDigest: Digest;
  readonly selection: Selection;
  /** What the tag in ECR points to now. */
  readonly present?: Digest;
}

/** All selected blobs, each once. */
export const blobsOf = ({ selection }: Pick<Resolution, 'selection'>): Descriptor[] =>
  blobsIn([...selection.inner, selection.root]);

/** The blobs of these manifests, each once. */
function blobsIn(manifests: readonly Manifest[]): Descriptor[] {
  return [...new Map(manifests.flatMap(({ blobs }) => blobs).map((blob) => [blob.digest, blob])).values()];
}

/** The size of all selected blobs, in bytes. */
export const sizeOf = (resolution: Resolution): number =>
  blobsOf(resolution).reduce((sum, { size }) => sum + size, 0);

export interface ResolveContext {
  readonly target: Registry;
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly history: MirrorHistory;
  /** By reference, the digests that sources reported a moment ago, and which are not asked for again. */
  readonly found: ReadonlyMap<string, Digest>;
  readonly platforms: Platforms;
  readonly noClobber: boolean;
}

interface Sides {
  readonly image: WantedImage;
  readonly reference: Reference;
  readonly source: RepositoryLocation;
  readonly destination: RepositoryLocation;
  /** What the tag in ECR points at. */
  readonly present: Digest | undefined;
  /** What the tag at the source points at, if it is already known. */
  readonly digest: Digest | undefined;
}

/**
 * Looks up the source and what ECR has of it: with one HEAD request to each when nothing is new, and with one to
 * ECR for a pinned image.
 * @throws BootstrapError, RegistryError, CorruptContent
 */
export async function resolve(
  wanted: WantedImage,
  context: ResolveContext,
  call: RequestContext,
): Promise<Resolution> {
  const { target, contents } = context;
  const reference = parseReference(originOf(wanted));
  if (reference.digest !== undefined && !isAcceptedByEcr(reference.digest))
    throw unsupportedDigest(wanted.source);
  const source = { registry: context.sourceOf(reference.host), repository: reference.path };
  const destination = { registry: target, repository: wanted.repository };
  const { image, present, digest } =
    reference.digest === undefined
      ? await lookUpTag(wanted, reference, source, context, call)
      : await lookUpPinned(wanted, { ...reference, digest: reference.digest }, source, target, call);
  const sides = { image, reference, source, destination, present, digest };
  const manifest = await sourceManifest(sides, contents, call);

  const isCopied = manifest.digest === present;
  // Docker Hub counts each fetch, so what ECR already has is read from there.
  const location = isCopied ? destination : source;
  const platforms = platformsFor(image, reference, context.platforms);
  const selection = await select({ image, manifest, location, platforms }, contents, call);
  const isCurrent =
    present !== undefined &&
    (isCopied || (await serves(present, selection, platforms, destination, contents, call)));
  return {
    image,
    source,
    target: ecrReference(target.name, image),
    state: stateOf(present, isCurrent, keepsTag(image, context)),
    sourceDigest: manifest.digest,
    selection,
    ...(present === undefined ? {} : { present }),
  };
}

const platformsFor = (image: WantedImage, { digest }: Reference, wanted: Platforms): Platforms =>
  digest !== undefined || isTagImmutable(image) ? 'all' : wanted;

interface Selecting {
  readonly image: WantedImage;
  readonly manifest: Manifest;
  /** Where the manifests below it are read. */
  readonly location: RepositoryLocation;
  readonly platforms: Platforms;
}

/** Selects what to copy, and reads as many manifests as that needs. */
function select(
  { image, manifest, location, platforms }: Selecting,
  contents: Contents,
  call: RequestContext,
): Promise<Selection> {
  const what = `could not mirror ${image.source}`;
  const read = (digest: Digest) => contents.manifest(location, digest, call);
  const tree = new ManifestTree(manifest, read, { what, signal: call.signal });
  const reader = {
    manifest: (entry: Descriptor) => tree.manifest(entry),
    below: (isFollowed?: (entry: Descriptor) => boolean) => tree.below(isFollowed),
    config: (config: Parameters<Contents['config']>[1]) => contents.config(location, config, call),
  };
  return selectPlatforms(manifest, platforms, reader, what);
}

/**
 * All blobs of a copy of an image that ECR does not have. Sends the requests to its source that the copy needs too, and
 * keeps the answers for it.
 * @throws BootstrapError, RegistryError, CorruptContent
 */
export async function blobsAtSource(
  image: WantedImage,
  { sourceOf, contents, found, platforms: wanted }: Omit<ResolveContext, 'target' | 'history' | 'noClobber'>,
  call: RequestContext,
): Promise<readonly Descriptor[]> {
  const reference = parseReference(originOf(image));
  const location = { registry: sourceOf(reference.host), repository: reference.path };
  const digest =
    reference.digest ?? found.get(originOf(image)) ?? (await sourceDigest(image, location, call));
  const manifest = await contents.manifest(location, digest, call);
  const platforms = platformsFor(image, reference, wanted);
  return blobsOf({ selection: await select({ image, manifest, location, platforms }, contents, call) });
}

/** All blobs of an image in ECR, or none if its manifests cannot be read. @throws the signal's reason */
export async function heldBlobs(
  { repository, digest }: HeldImage,
  target: Registry,
  contents: Contents,
  call: RequestContext,
): Promise<readonly Descriptor[]> {
  const read = (one: Digest) => contents.manifest({ registry: target, repository }, one, call);
  try {
    const root = await read(digest);
    const tree = new ManifestTree(root, read, { what: `could not read ${repository}`, signal: call.signal });
    return blobsIn([root, ...(await tree.below())]);
  } catch {
    call.signal.throwIfAborted();
    return [];
  }
}

/** What the HEAD requests found. */
interface Found extends Pick<Sides, 'present' | 'digest'> {
  /** The wanted image, perhaps with another name in ECR. */
  readonly image: WantedImage;
}

async function lookUpTag(
  image: WantedImage,
  reference: Reference,
  source: RepositoryLocation,
  { target, history, found }: ResolveContext,
  call: RequestContext,
): Promise<Found> {
  const [present, digest] = await Promise.all([
    target.headManifest(image.repository, image.tag, call),
    history
      .has(`present ${ecrReference(target.name, image)}`)
      .then((isLikely) => (isLikely ? sourceDigest(image, source, call) : found.get(originOf(image)))),
  ]);
  return { image, present, digest };
}

/**
 * A runtime pulls a pinned image by its digest, so the digest is looked up in ECR. A new image also gets its tag
 * if the tag is free in ECR and points to this digest at the source: a pin must not change what others pull by
 * the tag.
 */
async function lookUpPinned(
  image: WantedImage,
  { tag, digest }: Reference & { readonly digest: Digest },
  source: RepositoryLocation,
  target: Registry,
  call: RequestContext,
): Promise<Found> {
  const byDigest = { ...image, tag: digest };
  const present = await target.headManifest(image.repository, digest, call);
  if (present !== undefined || tag === undefined || image.tag === digest)
    return { image: byDigest, present, digest };
  const [existing, offered] = await Promise.all([
    target.headManifest(image.repository, image.tag, call),
    tagAtSource(source, tag, call),
  ]);
  const isTagged = existing === undefined && offered === digest;
  return { image: isTagged ? image : byDigest, present: undefined, digest };
}

/** What a tag points to at the source; undefined when the source does not report it. */
async function tagAtSource({ registry, repository }: RepositoryLocation, tag: string, call: RequestContext) {
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
 * The source's manifest. If ECR already has the tag, the source is asked for the digest only, and the manifest
 * comes from the cache or from ECR if possible.
 */
async function sourceManifest(
  { image, reference, source, destination, present, digest }: Sides,
  contents: Contents,
  call: RequestContext,
): Promise<Manifest> {
  const known = digest ?? (present && (await sourceDigest(image, source, call)));
  if (known === undefined) return fromSource(image, contents.tagged(source, reference.tag ?? 'latest', call));
  if (known === present) return contents.manifest(destination, known, call);
  return fromSource(image, contents.manifest(source, known, call));
}

/** The digest of an image at its source, by a HEAD request. @throws BootstrapError `image-missing`, RegistryError */
export async function sourceDigest(
  image: WantedImage,
  source: RepositoryLocation,
  call: RequestContext,
): Promise<Digest> {
  const { digest, tag = 'latest' } = parseReference(originOf(image));
  const { registry, repository } = source;
  return fromSource(image, registry.headManifest(repository, digest ?? tag, call));
}

/** Whether the tag in ECR already has all that is wanted. */
async function serves(
  present: Digest,
  { root }: Selection,
  wanted: Platforms,
  destination: RepositoryLocation,
  contents: Contents,
  call: RequestContext,
): Promise<boolean> {
  if (present === root.digest) return true;
  if (wanted === 'all') return false;
  const existing = await unlessInvalid(contents.manifest(destination, present, call));
  if (!existing) return false;
  const needed = root.isIndex ? root.children.map(({ digest }) => digest) : [root.digest];
  return needed.every((digest) => existing.children.some((child) => child.digest === digest));
}

/** Another tool may have put an unsupported manifest there. @returns undefined for it */
async function unlessInvalid(manifest: Promise<Manifest>): Promise<Manifest | undefined> {
  try {
    return await manifest;
  } catch (error) {
    const isInvalid = error instanceof BootstrapError && /^image-(unsupported|corrupt)$/.test(error.code);
    if (isInvalid || error instanceof CorruptContent) return undefined;
    throw error;
  }
}

function unsupportedDigest(source: string): BootstrapError {
  return new BootstrapError({
    code: 'image-unsupported',
    what: `could not mirror ${source}`,
    why: 'it is pinned to a SHA-512 digest, but ECR supports SHA-256 only',
    hint: 'Pin the image to its SHA-256 digest, or exclude it with images.exclude.',
  });
}
