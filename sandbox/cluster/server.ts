import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CORE_SCHEMA, load } from 'js-yaml';
import type { Call, Faults } from '../faults.ts';
import { discover } from './discovery.ts';
import { badRequest, StatusError } from './errors.ts';
import { impersonated } from './impersonation.ts';
import type { Answer, Operations, ResourceRequest } from './operations.ts';
import { forbidden, requireRight, type User } from './rbac.ts';
import type { ObjectStore } from './store.ts';

type Address = Pick<ResourceRequest, 'verb' | 'resource' | 'version' | 'namespace' | 'name' | 'subresource'>;

/** The HTTP layer of the API server: tokens, paths, bodies and faults. */
export class ApiServer {
  readonly #store: ObjectStore;
  readonly #operations: Operations;
  readonly #faults: Faults;
  readonly #version: string;
  readonly #users = new Map<string, User>();

  constructor(store: ObjectStore, operations: Operations, faults: Faults, version: string) {
    this.#store = store;
    this.#operations = operations;
    this.#faults = faults;
    this.#version = version;
  }

  /** Creates a random bearer token for a user. */
  issueToken(username: string, groups: readonly string[]): string {
    const token = randomBytes(24).toString('base64url');
    this.#users.set(token, { username, groups: [...groups, 'system:authenticated'] });
    return token;
  }

  /** Revokes every token of a user, as if they had expired. */
  revokeTokens(username: string): void {
    for (const [token, user] of this.#users) if (user.username === username) this.#users.delete(token);
  }

  /** Responds to one request; a fault can cut the connection instead. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const answer = await this.#respond(req);
      if (answer === 'cut') req.socket.destroy();
      else if (answer !== 'silence') send(req, res, answer);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      send(req, res, { code: error.code, body: error.toStatus() });
    }
  }

  async #respond(req: IncomingMessage): Promise<Answer | 'cut' | 'silence'> {
    const url = new URL(req.url ?? '/', 'http://cluster');
    const user = this.#users.get(/^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? '');
    const address = this.#locate(req.method ?? 'GET', url);
    const call = describe(url, address, user);
    const text = await readBody(req);
    const fault = this.#faults.meet(call);
    if (fault === 'timeout') return 'silence';
    if (fault === 'reset') return 'cut';
    if (user === undefined) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
    if (fault === 'throttle') return tooManyRequests;
    if (fault === 'error')
      throw new StatusError(
        500,
        'InternalError',
        'Internal error occurred: the sandbox injected this failure',
      );
    if (fault === 'deny') throw address ? forbidden({ ...address, user }) : pathForbidden(user, url.pathname);
    const actor = impersonated(this.#store, user, req);
    const answer = this.#perform(req, url, actor, address, text);
    return fault === 'lost' ? 'cut' : answer;
  }

  #perform(req: IncomingMessage, url: URL, user: User, address: Address | undefined, text: string): Answer {
    if (address === undefined) {
      const body = discover(url.pathname, this.#store.resources(), this.#version);
      return body === undefined ? { code: 404, body: '404 page not found\n' } : { code: 200, body };
    }
    if (!address.resource.kind.startsWith('SelfSubject')) requireRight(this.#store, { ...address, user });
    if (url.searchParams.get('watch') === 'true') {
      throw new StatusError(405, 'MethodNotAllowed', 'watch is not supported by the sandbox');
    }
    const partial = (req.headers.accept ?? '').includes('as=PartialObjectMetadata');
    const contentType = (req.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
    if (contentType === 'application/vnd.kubernetes.protobuf') throw noProtobuf();
    const body = text === '' ? undefined : parseBody(text);
    return this.#operations.perform({
      ...address,
      user,
      query: url.searchParams,
      manager:
        url.searchParams.get('fieldManager') || (req.headers['user-agent'] ?? '').split('/', 1)[0] || '',
      contentType,
      partial,
      body,
    });
  }

  /** The verb and resource of a path and method; undefined when the cluster does not serve the resource. */
  #locate(method: string, url: URL): Address | undefined {
    const segments = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    const group = segments[0] === 'api' ? '' : segments[1];
    const [version = '', ...rest] = segments.slice(segments[0] === 'api' ? 1 : 2);
    const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status';
    const [plural, name, subresource, extra] = inNamespace ? rest.slice(2) : rest;
    const resource = this.#store
      .resources()
      .find((found) => found.group === group && found.plural === plural && found.versions.includes(version));
    const namespace = inNamespace ? rest[1] : undefined;
    const verb = verbOf(method, name);
    if (!resource || !verb || extra !== undefined) return undefined;
    const isLog = subresource === 'log' && resource.kind === 'Pod' && verb === 'get';
    const isStatus = subresource === 'status' && resource.status;
    if (subresource !== undefined && !isLog && !isStatus) return undefined;
    if (resource.namespaced ? !inNamespace && verb !== 'list' : inNamespace) return undefined;
    return { verb, resource, version, namespace, name, subresource };
  }
}

/** The only refusal that is not a Status: the API server sends it before it examines the request. */
const tooManyRequests: Answer = {
  code: 429,
  headers: { 'retry-after': '1' },
  body: 'Too many requests, please try again later.\n',
};

function verbOf(method: string, name: string | undefined): ResourceRequest['verb'] | undefined {
  if (name === undefined)
    return ({ GET: 'list', POST: 'create', DELETE: 'deletecollection' } as const)[method];
  return ({ GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const)[method];
}

function describe(url: URL, address: Address | undefined, user: User | undefined): Call {
  const call = { service: 'kubernetes', caller: user?.username } as const;
  if (address === undefined) return { ...call, operation: `get ${url.pathname}`, writes: false };
  const { verb, resource, namespace, name, subresource } = address;
  const about = [namespace, name].filter((part) => part !== undefined).join('/');
  const writes = verb !== 'get' && verb !== 'list' && !resource.kind.startsWith('SelfSubject');
  const stored = writes && url.searchParams.get('dryRun') !== 'All';
  return {
    ...call,
    operation: `${verb} ${resource.plural}${subresource === 'log' ? '/log' : ''}`,
    writes: stored,
    resource: about || undefined,
  };
}

const pathForbidden = ({ username }: User, path: string): StatusError =>
  new StatusError(403, 'Forbidden', `forbidden: User "${username}" cannot get path "${path}"`);

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** `kubectl create` sends protobuf, and `kubectl apply` sends JSON. The schemas that kubectl validates with are not served. */
const noProtobuf = (): StatusError =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    'the sandbox does not read protobuf: write the object as YAML, then run kubectl apply --validate=false',
  );

function parseBody(text: string): unknown {
  try {
    return text.trimStart().startsWith('{') || text.trimStart().startsWith('[')
      ? JSON.parse(text)
      : load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Bytes from which the API server compresses an answer: `defaultGzipThresholdBytes` in its response writers. */
const compressedFrom = 128 * 1024;

function send(req: IncomingMessage, res: ServerResponse, { code, headers, body }: Answer): void {
  const json = typeof body !== 'string';
  const type = json ? 'application/json' : 'text/plain; charset=utf-8';
  const bytes = Buffer.from(json ? JSON.stringify(body) : body);
  const compresses =
    json && bytes.length >= compressedFrom && /\bgzip\b/.test(String(req.headers['accept-encoding']));
  res.writeHead(code, {
    'content-type': type,
    ...(compresses && { 'content-encoding': 'gzip' }),
    ...headers,
  });
  res.end(compresses ? gzipSync(bytes) : bytes);
}
