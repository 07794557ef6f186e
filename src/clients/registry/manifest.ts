import { BootstrapError } from '../../core/errors.ts';
import { corruptContentError } from './errors.ts';
import type { Platform } from '../../core/platform.ts';
import { CorruptContent, type Digest, digestOf, isDigest, isAcceptedByEcr } from './digest.ts';

const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/** Media types to request. Schema 1 is not included; registries that have nothing else send it anyway. */
export const acceptedManifests = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
].join(', ');

const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const imageTypes: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];

/** The limit of the distribution specification and of ECR. */
export const maxManifestBytes = 4 * 1024 * 1024;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform & { readonly 'os.version'?: string };
  readonly annotations?: Readonly<Record<string, string>>;
  /** Download locations of layers that registries need not have. */
  readonly urls?: readonly string[];
}

/** A manifest as received, and the content that it references. */
export interface Manifest {
  /** SHA-256, which ECR uses. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** An index's manifests; empty for anything else. */
  readonly children: readonly Descriptor[];
  /** Config and layers, in their order, each once. */
  readonly blobs: readonly Descriptor[];
  /** The config, if it is that of a runnable image. It contains the platform. */
  readonly config?: Descriptor;
  /** The manifest that an artifact belongs to, for example the image that it signs. */
  readonly subject?: Digest;
  readonly artifactType?: string;
  readonly isIndex: boolean;
}

/**
 * Parses a manifest of any supported kind: images and indexes of Docker and OCI, and artifacts. OCI manifests
 * need not have a media type of their own; Docker manifests always do.
 * @param what the name of the content, for error messages
 * @throws BootstrapError `image-unsupported` or `image-corrupt`
 */
export function parseManifest(bytes: Buffer, contentType: string, what: string): Manifest {
  const value = parseJson(bytes, what);
  const ownType = mediaTypeOf(value['mediaType'], what);
  const servedType = bareType(contentType);
  if (value['schemaVersion'] === 1 || /docker\.distribution\.manifest\.v1/.test(ownType || servedType)) {
    throw unsupported(
      what,
      'it has the old manifest format (schema 1), which ECR does not accept',
      'Build the image again, or pull and push it, with a current tool.',
    );
  }
  const isIndex = Array.isArray(value['manifests']);
  // Reject a manifest that one tool would read as an index and another as an image.
  if (isIndex && 'layers' in value)
    throw corruptContentError(what, 'its manifest is both an index and an image');
  if ((isIndex ? imageTypes : indexTypes).includes(ownType))
    throw corruptContentError(
      what,
      `its manifest is ${isIndex ? 'an index' : 'an image'} and says that it is ${ownType}`,
    );
  // Plain file servers serve manifests as text/plain or application/json, so only a matching type counts.
  const [usual = '', ...others] = isIndex ? indexTypes : imageTypes;
  const mediaType = ownType || (others.includes(servedType) ? servedType : usual);
  const base = { digest: digestOf(bytes), mediaType, bytes, isIndex, ...referenceOf(value) };
  if (isIndex) return { ...base, children: descriptors(value['manifests'], what), blobs: [] };
  const config = value['config'] === undefined ? [] : descriptors([value['config']], what);
  const layers = descriptors('layers' in value ? value['layers'] : (value['blobs'] ?? []), what);
  if (config.length + layers.length === 0) {
    throw unsupported(
      what,
      `a manifest of type ${ownType || servedType || 'unknown'} has no content`,
      'Use another image.',
    );
  }
  const runnable = config.find(
    ({ mediaType: type }) => type === mediaTypes.ociConfig || type === mediaTypes.dockerConfig,
  );
  return {
    ...base,
    children: [],
    blobs: distinct([...config, ...layers]),
    ...(runnable ? { config: runnable } : {}),
  };
}

/** Whether a manifest refers to another one, and as what. */
function referenceOf({
  subject,
  artifactType,
}: Readonly<Record<string, unknown>>): Pick<Manifest, 'subject' | 'artifactType'> {
  const { digest } = (subject ?? {}) as Record<string, unknown>;
  return {
    ...(isDigest(digest) && { subject: digest }),
    ...(typeof artifactType === 'string' && artifactType !== '' && { artifactType }),
  };
}

/** The platform in an image's config. Undefined when the config is not that of a runnable image. */
export function configPlatform(config: Buffer): Platform | undefined {
  let value: unknown;
  try {
    value = JSON.parse(config.toString());
  } catch (error) {
    throw new CorruptContent(`an image config is not JSON: ${String(error)}`);
  }
  const { os, architecture, variant } = (value ?? {}) as Record<string, unknown>;
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '')
    return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

/** An attestation, for example provenance, which build tools add to an index (BuildKit's attestation storage). */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (platform?.os === 'unknown' && platform.architecture === 'unknown')
  );
}

/** The media type of a list of referrers. */
export const referrersType = mediaTypes.ociIndex;

export const isIndexType = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList;

/** Layers that registries need not have, for example of Windows. Runtimes download them from the vendor. */
export const isNondistributable = ({ mediaType, urls }: Descriptor): boolean =>
  Array.isArray(urls) && urls.length > 0 && /foreign|nondistributable/.test(mediaType);

function distinct(all: readonly Descriptor[]): Descriptor[] {
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function parseJson(bytes: Buffer, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw corruptContentError(what, `its manifest is not JSON`, error);
  }
  throw corruptContentError(what, 'its manifest is not a JSON object');
}

function descriptors(list: unknown, what: string): Descriptor[] {
  if (!Array.isArray(list)) throw corruptContentError(what, 'its manifest does not follow the format');
  return list.map((entry: unknown) => {
    const { mediaType, digest, size, platform } = (entry ?? {}) as Record<string, unknown>;
    if (isDigest(digest) ? !isAcceptedByEcr(digest) : isOfOtherAlgorithm(digest)) {
      throw unsupported(
        what,
        `it refers to ${String(digest).slice(0, 20)}…, and ECR supports SHA-256 digests only`,
        'Build the image with SHA-256 digests, or mirror another one.',
      );
    }
    if (!isDigest(digest))
      throw corruptContentError(what, 'its manifest has a descriptor without a valid digest');
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw corruptContentError(what, `its manifest gives no valid size for ${digest}`);
    }
    const descriptor = {
      ...(entry as Descriptor),
      mediaType: typeof mediaType === 'string' ? mediaType : '',
    };
    if (!isPlatformObject(platform)) delete (descriptor as { platform?: Platform }).platform;
    return descriptor;
  });
}

/** Whether a descriptor's platform is valid. */
export function isPlatformObject(value: unknown): value is Platform {
  if (typeof value !== 'object' || value === null) return false;
  const { os, architecture, variant } = value as Record<string, unknown>;
  return [os, architecture, variant ?? ''].every((part) => typeof part === 'string');
}

/** OCI allows other algorithms in addition to SHA-2. */
const isOfOtherAlgorithm = (digest: unknown): boolean =>
  typeof digest === 'string' && /^(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[\w=-]+$/.test(digest);

/** RFC 6838. The media type becomes a header. */
const mediaTypeGrammar = /^[a-z0-9][\w!#$&^.+-]{0,126}\/[a-z0-9][\w!#$&^.+-]{0,126}$/i;

function mediaTypeOf(value: unknown, what: string): string {
  if (value === undefined || value === null || value === '') return '';
  if (typeof value === 'string' && mediaTypeGrammar.test(value)) return value;
  throw corruptContentError(what, 'its manifest has an invalid media type');
}

function bareType(contentType: string): string {
  const [type = ''] = contentType.split(';', 1);
  return mediaTypeGrammar.test(type.trim()) ? type.trim() : '';
}

function unsupported(what: string, why: string, hint: string): BootstrapError {
  return new BootstrapError({ code: 'image-unsupported', what, why, hint });
}
