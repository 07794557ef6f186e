import type { Identities, User } from '../aws/identities.ts';
import type { RateLimits } from '../aws/rate-limits.ts';
import { resourceTagKeys } from '../aws/service.ts';
import type { Faults } from '../faults.ts';
import { json, applyFault, type HttpResponse, type Handler, type HttpRequest } from '../http.ts';
import { AwsRefusal } from '../ports.ts';
import { serveReferrers, putManifest } from './ecr-manifests.ts';
import type { EcrRegistry, EcrRepository } from './ecr-registry.ts';
import {
  serveBlob,
  serveManifest,
  serveTags,
  operationOf,
  registryError,
  registryFault,
  routeOf,
  type Route,
} from './oci.ts';
import type { Content } from './storage.ts';
import { Uploads } from './uploads.ts';

/**
 * The IAM action of each request of the registry API. Rate limits use it too.
 * @public the docs list the events of these actions in an audit log
 */
export const ACTIONS: Record<string, string> = {
  HeadManifest: 'BatchGetImage',
  GetManifest: 'BatchGetImage',
  PutManifest: 'PutImage',
  HeadBlob: 'BatchCheckLayerAvailability',
  GetBlob: 'GetDownloadUrlForLayer',
  StartUpload: 'InitiateLayerUpload',
  PatchUpload: 'UploadLayerPart',
  FinishUpload: 'CompleteLayerUpload',
  ListTags: 'ListImages',
  ListReferrers: 'BatchGetImage',
};

interface Parts {
  readonly registry: EcrRegistry;
  readonly identities: Identities;
  readonly limits: RateLimits;
  readonly faults: Faults;
  readonly contents: Map<string, Content>;
}

/** The registry API of ECR, with its differences from other registries. */
export function ecrDistribution({ registry, identities, limits, faults, contents }: Parts): Handler {
  const uploads = new Uploads(contents);
  const origin = `https://${registry.host}`;

  const authorise = (user: User, action: string, repository: string) => {
    const resource = `arn:aws:ecr:${registry.region}:${registry.account}:repository/${repository}`;
    const tagKeys = resourceTagKeys(registry.repositories.get(repository)?.awsTags);
    // AWS does not document whether a request with a registry token counts as one with temporary credentials. The
    // sandbox assumes that it does: then a policy that allows only access keys denies pulls.
    const keys = { ...tagKeys, 'aws:TokenIssueTime': new Date(0).toISOString() };
    identities.authorise(user, { action: `ecr:${action}`, resource, keys });
  };
  const may = (user: User, action: string, repository: string): boolean => {
    try {
      authorise(user, action, repository);
      return true;
    } catch (cause) {
      if (cause instanceof AwsRefusal) return false;
      throw cause;
    }
  };

  const startUpload = (user: User, repository: EcrRepository, query: URLSearchParams): HttpResponse => {
    const [digest, from] = [query.get('mount') ?? '', query.get('from') ?? ''];
    const source = registry.repositories.get(from);
    const content = source?.blobs.get(digest);
    const mountable =
      registry.settings.get('BLOB_MOUNTING') === 'ENABLED' &&
      source?.uses(digest) &&
      source.encryption.encryptionType === repository.encryption.encryptionType &&
      may(user, 'GetDownloadUrlForLayer', from);
    if (!mountable || content === undefined) {
      return uploads.start(repository, `${origin}/v2/${repository.name}/blobs/uploads/`);
    }
    repository.blobs.set(digest, content);
    const location = `${origin}/v2/${repository.name}/blobs/${digest}`;
    return { status: 201, headers: { location, 'docker-content-digest': digest } };
  };

  const respond = (user: User, route: Route, request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const { method, url, body, headers } = request;
    const { name, reference } = route;
    const repository = registry.repositories.get(name);
    if (!repository) {
      const where = `does not exist in the registry with id '${registry.account}'`;
      return registryError(404, 'NAME_UNKNOWN', `The repository with name '${name}' ${where}`);
    }
    const uploadsAt = `${origin}/v2/${name}/blobs/uploads/`;
    switch (operationOf(method, route)) {
      case 'HeadManifest':
      case 'GetManifest':
        return serveManifest(isArchived(repository, reference) ? undefined : repository, reference);
      case 'PutManifest':
        return putManifest(registry, repository, reference, request);
      case 'HeadBlob':
      case 'GetBlob': {
        const content = repository.blobs.get(reference);
        if (!content) return registryError(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
        return method === 'GET'
          ? { status: 307, headers: { location: registry.bucket.signedUrl(reference) } }
          : serveBlob(content, reference, method, undefined);
      }
      case 'StartUpload':
        return startUpload(user, repository, url.searchParams);
      case 'PatchUpload':
        return uploads.append(reference, uploadsAt, body, headers['content-range']);
      case 'FinishUpload': {
        const digest = url.searchParams.get('digest') ?? '';
        return uploads.finish(reference, `${origin}/v2/${name}/blobs/${digest}`, body, digest);
      }
      case 'ListTags':
        return serveTags(repository, name, url.searchParams);
      case 'ListReferrers':
        return serveReferrers(repository, reference);
      default:
        return registryError(405, 'UNSUPPORTED', 'The operation is unsupported.');
    }
  };

  const answer = (
    request: HttpRequest,
    route: Route | undefined,
    holder: Holder,
  ): HttpResponse | Promise<HttpResponse> => {
    if (holder instanceof AwsRefusal) return registryError(holder.status, holder.code, holder.reason);
    if (holder === undefined) {
      const challenge = `Basic realm="${origin}/",service="ecr.amazonaws.com"`;
      return { status: 401, headers: { 'www-authenticate': challenge }, body: 'Not Authorized\n' };
    }
    if (route === undefined) return json(200, {}, { 'docker-distribution-api-version': 'registry/2.0' });
    const action = ACTIONS[operationOf(request.method, route)];
    if (action !== undefined && !limits.take(action)) return registryFault('throttle');
    try {
      if (action !== undefined) authorise(holder.user, action, route.name);
    } catch (cause) {
      if (cause instanceof AwsRefusal) return registryError(403, 'DENIED', cause.reason);
      throw cause;
    }
    return respond(holder.user, route, request);
  };

  return (request) => {
    const route = routeOf(request.url.pathname);
    const holder = holderOf(registry, request.headers['authorization']);
    const call = {
      service: 'registry',
      operation: operationOf(request.method, route),
      writes: request.method !== 'GET' && request.method !== 'HEAD',
      resource: route?.name,
      caller: holder instanceof AwsRefusal ? undefined : holder?.accessKeyId,
    } as const;
    return applyFault(faults.meet(call), registryFault, () => answer(request, route, holder));
  };
}

/** Archived images cannot be pulled: ECR responds as for absent images. */
const isArchived = (repository: EcrRepository, reference: string): boolean =>
  repository.archived.has(repository.manifest(reference)?.digest ?? '');

/** ECR tokens are long base64 strings. */
const TOKEN = /^[A-Za-z0-9+/=_-]{64,}$/;

/** The user of the token in a request; undefined without an accepted token, or a refusal if the token has expired. */
type Holder = ReturnType<EcrRegistry['tokens']['userOf']> | AwsRefusal;

function holderOf(registry: EcrRegistry, authorization: string | undefined): Holder {
  const [scheme = '', credentials = ''] = (authorization ?? '').split(' ');
  const [, user, token = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? [];
  if (scheme.toLowerCase() !== 'basic' || user !== 'AWS') return undefined;
  if (!TOKEN.test(token)) return new AwsRefusal('BAD_REQUEST', 'the password is not a token', 400);
  try {
    return registry.tokens.userOf(token);
  } catch (cause) {
    if (cause instanceof AwsRefusal) return cause;
    throw cause;
  }
}
