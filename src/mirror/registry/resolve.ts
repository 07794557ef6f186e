import { BootstrapError } from '../../errors/index.ts';
import { ecrReference } from '../../images/naming.ts';
import type { Platforms, WantedImage } from '../../images/port.ts';
import { formatReference, parseReference, type Reference } from '../../images/reference.ts';
import type { Registry } from '../../registry/client.ts';
import type { Call } from '../../registry/host.ts';
import type { Hints } from '../../registry/hints.ts';
import type { Manifest } from '../../registry/manifest.ts';
import type { MirrorResult } from '../port.ts';
import type { Contents, Place } from './contents.ts';
import { select, type Selection } from './select.ts';

/** One image, looked up on both sides: what there is and what has to be done. Everything in it is fixed by digest. */
export interface Resolution {
  readonly image: WantedImage;
  readonly source: Place;
  readonly target: string;
  readonly state: Extract<MirrorResult['state'], 'current' | 'would-copy' | 'would-move' | 'kept'>;
  readonly sourceDigest: string;
  readonly selection: Selection;
  /** What the tag in the ECR points at now. */
  readonly present?: string;
}

export interface Resolving {
  readonly target: Registry;
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  readonly hints: Hints;
  readonly platforms: Platforms;
  readonly noClobber: boolean;
}

/** At each side, so many requests of one image come at once when its manifest is known: for children, then for blobs. */
const soon = 4;

interface Sides {
  readonly reference: Reference;
  readonly source: Place;
  readonly destination: Place;
  /** What the tag in the ECR points at. */
  readonly present: string | undefined;
  /** What the tag at the source points at, where it was asked already. */
  readonly digest: string | undefined;
}

/**
 * Finds out what the source is and what the ECR has, with a HEAD on each side when nothing is new. A pinned image whose
 * tag holds something else in the ECR is looked up, and stored, by its digest: that is all that a runtime pulls by.
 * @throws BootstrapError, RegistryError, CorruptContent
 */
export async function resolve(image: WantedImage, resolving: Resolving, call: Call): Promise<Resolution> {
  const { target, contents } = resolving;
  const reference = parseReference(image.source);
  const source = { registry: resolving.sourceOf(reference.host), repository: reference.path };
  const destination = { registry: target, repository: image.repository };
  const tagged = ecrReference(target.name, image);
  target.prepare();
  if (reference.digest === undefined) source.registry.prepare();
  const [present, digest] = await Promise.all([
    target.headManifest(image.repository, image.tag, call),
    resolving.hints
      .has(`there ${tagged}`)
      .then((isLikely) => (isLikely ? sourceDigest(reference, source, call) : reference.digest)),
  ]);
  if (present !== undefined && isTaken(image, present, reference))
    return resolve({ ...image, tag: reference.digest }, resolving, call);
  if (present === undefined) for (const { registry } of [source, destination]) registry.prepare(soon);
  const manifest = await sourceManifest({ reference, source, destination, present, digest }, contents, call);

  const isCopied = manifest.digest === present;
  // Docker Hub counts what is fetched from it; what the ECR holds already is read there.
  const place = isCopied ? destination : source;
  const parts = {
    manifest: (digest: string) => contents.manifest(place, digest, call),
    config: (config: Parameters<Contents['config']>[1]) => contents.config(place, config, call),
  };
  const wanted = reference.digest === undefined ? resolving.platforms : 'all';
  const selection = await select(manifest, wanted, parts, `mirror ${image.source}`);
  const isCurrent =
    present !== undefined &&
    (isCopied || (await gives(present, selection, wanted, destination, contents, call)));
  return {
    image,
    source,
    target: tagged,
    state: stateOf(present, isCurrent, resolving.noClobber),
    sourceDigest: manifest.digest,
    selection,
    ...(present === undefined ? {} : { present }),
  };
}

/** Whether the tag is there and holds another image than the pinned one. */
const isTaken = (
  { tag }: WantedImage,
  present: string,
  reference: Reference,
): reference is Reference & { readonly digest: string } =>
  reference.digest !== undefined && tag !== reference.digest && present !== reference.digest;

function stateOf(present: string | undefined, isCurrent: boolean, noClobber: boolean): Resolution['state'] {
  if (isCurrent) return 'current';
  if (present === undefined) return 'would-copy';
  return noClobber ? 'kept' : 'would-move';
}

/**
 * The source's manifest. When the ECR has the tag already, the source is only asked for its digest, and the manifest
 * itself comes from the cache or from the ECR if it can.
 */
async function sourceManifest(
  { reference, source, destination, present, digest }: Sides,
  contents: Contents,
  call: Call,
): Promise<Manifest> {
  const fixed = digest ?? (present && (await sourceDigest(reference, source, call)));
  if (fixed !== undefined) return contents.manifest(fixed === present ? destination : source, fixed, call);
  const manifest = await contents.tagged(source, reference.tag ?? 'latest', call);
  if (!manifest) throw missing(reference);
  return manifest;
}

async function sourceDigest(reference: Reference, source: Place, call: Call): Promise<string> {
  if (reference.digest !== undefined) return reference.digest;
  const digest = await source.registry.headManifest(source.repository, reference.tag ?? 'latest', call);
  if (digest === undefined) throw missing(reference);
  return digest;
}

/** Whether the tag in the ECR already gives what is wanted, perhaps with more. */
async function gives(
  present: string,
  { root }: Selection,
  wanted: Platforms,
  destination: Place,
  contents: Contents,
  call: Call,
): Promise<boolean> {
  if (present === root.digest) return true;
  if (wanted === 'all') return false;
  const held = await contents.manifest(destination, present, call);
  const needed = root.isIndex ? root.children.map(({ digest }) => digest) : [root.digest];
  return needed.every((digest) => held.children.some((child) => child.digest === digest));
}

function missing(reference: Reference): BootstrapError {
  return new BootstrapError({
    code: 'image-missing',
    what: `look up ${formatReference(reference)}`,
    why: `${reference.host} has no such image`,
    hint: 'Check the name and the tag, or leave it out with images.exclude.',
  });
}
