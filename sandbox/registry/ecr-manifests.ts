import { readAll, type HttpResponse, type HttpRequest } from '../http.ts';
import type { EcrRegistry, EcrRepository } from './ecr-registry.ts';
import { referrersOf, registryError } from './oci.ts';
import { blobsOf, childrenOf, digestOf, fieldsOf, type ManifestFields } from './storage.ts';

const MAX_MANIFEST = 4 * 1024 * 1024;

const MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
/** ECR accepts most types of artifacts. Attestations of BuildKit are the best known type that it refuses. */
const REFUSED_ARTIFACTS: ReadonlySet<string> = new Set([
  'application/vnd.docker.attestation.manifest.v1+json',
]);
/** ECR refuses media types with parameters, for example those of early Sigstore bundles. */
const isRefusedType = (type: string): boolean => REFUSED_ARTIFACTS.has(type) || type.includes(';');

/** Stores a manifest, if the repository has all its parts. */
export async function putManifest(
  registry: EcrRegistry,
  repository: EcrRepository,
  reference: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const bytes = await readAll(request.body);
  const mediaType = request.headers['content-type'] ?? '';
  const digest = digestOf(bytes);
  if (bytes.length > MAX_MANIFEST) return registryError(413, 'SIZE_INVALID', 'the manifest exceeds 4 MiB');
  if (!MEDIA_TYPES.has(mediaType))
    return registryError(400, 'UNSUPPORTED', `Unsupported manifest type: "${mediaType}"`);
  const fields = parsed(bytes, mediaType);
  if (!fields)
    return registryError(400, 'MANIFEST_INVALID', `the body is not a manifest of type ${mediaType}`);
  const types = [fields.artifactType, ...(fields.layers ?? []).map((layer) => layer.mediaType)];
  if (types.some((type) => type !== undefined && isRefusedType(type))) {
    const message =
      "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
    return registryError(405, 'UNSUPPORTED', message);
  }
  const tag = reference.includes(':') ? undefined : reference;
  if (tag === undefined && reference !== digest) {
    return registryError(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  const unmet = missingPart(repository, bytes);
  if (unmet !== undefined) {
    const where = `with name '${repository.name}' in the registry with id '${registry.account}' do not exist`;
    const message = `${unmet} required for pushing image into repository ${where}`;
    return registryError(404, 'MANIFEST_BLOB_UNKNOWN', message);
  }
  if (tag !== undefined && repository.tagMutability.startsWith('IMMUTABLE') && repository.tags.has(tag)) {
    const already = `The image tag '${tag}' already exists in the '${repository.name}' repository`;
    return registryError(
      400,
      'TAG_INVALID',
      `${already} and cannot be overwritten because the tag is immutable.`,
    );
  }
  if (tag !== undefined) repository.tags.set(tag, digest);
  repository.archived.delete(digest);
  if (!repository.manifests.has(digest)) {
    repository.manifests.set(digest, { digest, mediaType, bytes, pushedAt: registry.clock.now() });
  }
  const location = `https://${registry.host}/v2/${repository.name}/manifests/${digest}`;
  const headers = { location, 'docker-content-digest': digest };
  return {
    status: 201,
    headers: fields.subject ? { ...headers, 'oci-subject': fields.subject.digest } : headers,
  };
}

function parsed(bytes: Buffer, mediaType: string): ManifestFields | undefined {
  try {
    const fields = fieldsOf({ bytes }) as ManifestFields | null;
    const { config, layers, manifests, mediaType: own = mediaType } = fields ?? {};
    const parts: unknown =
      manifests ?? (Array.isArray(layers) ? [config, ...(layers as unknown[])] : undefined);
    const isWhole = Array.isArray(parts) && parts.every(isDescriptor);
    return isWhole && own === mediaType ? (fields ?? undefined) : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

const isDescriptor = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'digest' in part && typeof part.digest === 'string';

/** The parts of a manifest that the repository lacks: blobs of an image, or images of an index. */
function missingPart(repository: EcrRepository, bytes: Buffer): string | undefined {
  const blobs = blobsOf({ bytes }).filter((digest) => !repository.blobs.has(digest));
  if (blobs.length > 0) return `Layers with digests '[${blobs.join(', ')}]'`;
  const children = childrenOf({ bytes }).filter((digest) => !repository.manifests.has(digest));
  return children.length > 0 ? `Images with digests '[${children.join(', ')}]'` : undefined;
}

/** Lists the manifests that refer to a subject. ECR does that only for OCI types. */
export function serveReferrers(repository: EcrRepository, digest: string): HttpResponse {
  const subject = repository.manifests.get(digest);
  if (subject !== undefined && !subject.mediaType.includes('.oci.')) {
    return registryError(405, 'UNSUPPORTED', 'The referrers of this kind of artifact are not supported');
  }
  return referrersOf(repository, digest);
}
