import { json, type HttpResponse } from '../http.ts';
import { fieldsOf, type Content, type Repository } from './storage.ts';

/** The resource of a path of the distribution API. */
export interface Route {
  readonly kind: 'manifests' | 'blobs' | 'uploads' | 'tags' | 'referrers';
  readonly name: string;
  /** A tag, a digest or an upload ID. */
  readonly reference: string;
}

export function routeOf(pathname: string): Route | undefined {
  const [, name, kind, reference] =
    /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|tags\/list|referrers)(?:\/([^/]*))?$/.exec(pathname) ?? [];
  if (name === undefined || kind === undefined) return undefined;
  const kinds: Record<string, Route['kind']> = { 'blobs/uploads': 'uploads', 'tags/list': 'tags' };
  return {
    name,
    kind: kinds[kind] ?? (kind as Route['kind']),
    reference: decodeURIComponent(reference ?? ''),
  };
}

const OPERATIONS: Record<string, string> = {
  'HEAD manifests': 'HeadManifest',
  'GET manifests': 'GetManifest',
  'PUT manifests': 'PutManifest',
  'HEAD blobs': 'HeadBlob',
  'GET blobs': 'GetBlob',
  'POST uploads': 'StartUpload',
  'PATCH uploads': 'PatchUpload',
  'PUT uploads': 'FinishUpload',
  'GET tags': 'ListTags',
  'GET referrers': 'ListReferrers',
};

/** The name of a request in the log and in planned faults. `Ping` is a request for `/v2/`. */
export const operationOf = (method: string, route: Route | undefined) =>
  route === undefined ? 'Ping' : (OPERATIONS[`${method} ${route.kind}`] ?? 'Unsupported');

export const registryError = (
  status: number,
  code: string,
  message: string,
  headers: HttpResponse['headers'] = {},
) =>
  json(
    status,
    { errors: [{ code, message }] },
    { 'docker-distribution-api-version': 'registry/2.0', ...headers },
  );

/** The responses of a registry for planned faults and exceeded limits. */
export const REGISTRY_FAULTS = {
  throttle: () => registryError(429, 'TOOMANYREQUESTS', 'Rate exceeded', { 'retry-after': 1 }),
  error: () => registryError(503, 'UNAVAILABLE', 'Service unavailable'),
  deny: () => registryError(403, 'DENIED', 'requested access to the resource is denied'),
};
export const registryFault = (kind: keyof typeof REGISTRY_FAULTS) => REGISTRY_FAULTS[kind]();

export function serveManifest(repository: Repository | undefined, reference: string): HttpResponse {
  const manifest = repository?.manifest(reference);
  if (!manifest) return registryError(404, 'MANIFEST_UNKNOWN', 'Requested image not found');
  return {
    status: 200,
    headers: { 'content-type': manifest.mediaType, 'docker-content-digest': manifest.digest },
    body: manifest.bytes,
  };
}

/** The bytes of a blob, or those in a single requested range. */
export function serveBlob(
  content: Content,
  digest: string,
  method: string,
  range: string | undefined,
): HttpResponse {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(Number(last) + 1, content.length) : content.length;
  if (start > 0 && start >= content.length) return { status: 416 };
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': end - start,
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
  };
  const status = first === undefined ? 200 : 206;
  if (method === 'HEAD') return { status, headers };
  const body = Buffer.isBuffer(content) ? content.subarray(start, end) : content.read(start, end);
  return { status, headers, body };
}

/** The manifests that refer to a subject, with the type and the annotations of each. */
export function referrersOf(repository: Repository, subject: string): HttpResponse {
  const manifests = [...repository.manifests.values()].flatMap((manifest) => {
    const { subject: own, artifactType, config, annotations } = fieldsOf(manifest);
    if (own?.digest !== subject) return [];
    const { mediaType, digest, bytes } = manifest;
    const type = artifactType ?? config?.mediaType;
    return [{ mediaType, digest, size: bytes.length, artifactType: type, annotations }];
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return json(200, { schemaVersion: 2, mediaType, manifests }, { 'content-type': mediaType });
}

export function serveTags(repository: Repository, name: string, query: URLSearchParams): HttpResponse {
  const after = query.get('last') ?? '';
  const rest = [...repository.tags.keys()].sort().filter((tag) => tag > after);
  const tags = rest.slice(0, Number(query.get('n') ?? 1000));
  const next = `</v2/${name}/tags/list?n=${tags.length}&last=${tags.at(-1)}>; rel="next"`;
  return json(200, { name, tags }, tags.length < rest.length ? { link: next } : {});
}
