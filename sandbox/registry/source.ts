import { randomUUID } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import { json, applyFault, type HttpResponse, type Handler, type HttpRequest } from '../http.ts';
import { type ArtifactSeed, buildArtifact, buildImage, type ImageSeed, type SeededImage } from './image.ts';
import {
  referrersOf,
  serveBlob,
  serveManifest,
  serveTags,
  operationOf,
  registryError,
  registryFault,
  routeOf,
} from './oci.ts';
import { Repository, type Content } from './storage.ts';

/** A source registry on the internet. */
export interface SourceOptions {
  /** As in image references. `docker.io` also has the host names of its API. */
  readonly host: string;
  /** The required authentication. Without a `login`, tokens are issued anonymously. */
  readonly auth?: 'none' | 'basic' | 'bearer';
  /** Required for every request. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Whether it has the referrers API. Docker Hub and registries of Distribution do not. */
  readonly hasReferrers?: boolean;
}

/** Seconds for which a bearer token is valid. */
const tokenLife = 300;

/** The token endpoints of public registries. */
const REALMS: Record<string, string> = {
  'docker.io': 'https://auth.docker.io/token',
  'quay.io': 'https://quay.io/v2/auth',
};
const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'auth.docker.io'];

interface BearerToken {
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** A pull-only OCI registry. */
export class SourceRegistry {
  readonly host: string;
  readonly repositories = new Map<string, Repository>();
  /** Repositories that another registry serves: its origin, by repository name. */
  readonly redirects = new Map<string, string>();
  readonly #auth: 'none' | 'basic' | 'bearer';
  readonly #login: SourceOptions['login'];
  readonly #hasReferrers: boolean;
  readonly #contents: Map<string, Content>;
  readonly #faults: Faults;
  readonly #clock: SandboxClock;
  readonly #tokens = new Map<string, BearerToken>();

  constructor(
    { host, auth = 'none', login, hasReferrers = false }: SourceOptions,
    contents: Map<string, Content>,
    faults: Faults,
    clock: SandboxClock,
  ) {
    this.host = host;
    this.#auth = auth;
    this.#login = login;
    this.#hasReferrers = hasReferrers;
    this.#contents = contents;
    this.#faults = faults;
    this.#clock = clock;
  }

  /** All host names of the registry. */
  get hosts(): readonly string[] {
    return this.host === 'docker.io' ? DOCKER_HUB : [this.host];
  }

  /** Adds an image. @param name for official images of Docker Hub with `library/` */
  seed(name: string, tag: string, image: ImageSeed = {}): SeededImage {
    const repository = this.repositories.get(name) ?? new Repository();
    this.repositories.set(name, repository);
    const seeded = buildImage(repository, `${this.host}/${name}`, tag, image);
    for (const [digest, content] of repository.blobs) this.#contents.set(digest, content);
    return seeded;
  }

  /** Adds an artifact that belongs to a manifest. @returns its digest */
  attach(name: string, artifact: ArtifactSeed): string {
    const repository = this.repositories.get(name);
    if (!repository) throw new Error(`there is no repository ${name}`);
    const digest = buildArtifact(repository, artifact);
    for (const [blob, content] of repository.blobs) this.#contents.set(blob, content);
    return digest;
  }

  readonly handler: Handler = (request) => {
    const { method, url } = request;
    if (url.pathname === new URL(this.#realm).pathname) return this.#issueToken(request);
    const route = routeOf(url.pathname);
    const operation = operationOf(method, route);
    const call = {
      service: 'source',
      operation,
      writes: false,
      resource: `${this.host}/${route?.name ?? ''}`,
    } as const;
    return applyFault(this.#faults.meet(call), registryFault, () => this.#respond(request));
  };

  get #realm(): string {
    return REALMS[this.host] ?? `https://${this.host}/token`;
  }

  #respond({ method, url, headers }: HttpRequest): HttpResponse {
    const route = routeOf(url.pathname);
    const scope = route && `repository:${route.name}:pull`;
    const authorization = headers['authorization'];
    if (!this.#permits(authorization, scope)) return this.#challenge(scope);
    if (route === undefined) return json(200, {});
    const { kind, name, reference } = route;
    const repository = this.repositories.get(name);
    // Docker Hub responds alike for absent and private repositories: docker-archive/docker-registry#1071.
    if (!repository && this.host === 'docker.io')
      return this.#challenge(scope, authorization === undefined ? undefined : 'insufficient_scope');
    const location = this.redirects.get(name);
    if (location !== undefined) return { status: 307, headers: { location: location + url.pathname } };
    if (method !== 'GET' && method !== 'HEAD')
      return registryError(405, 'UNSUPPORTED', 'this registry is read-only');
    if (kind === 'manifests') return serveManifest(repository, reference);
    if (kind === 'tags') {
      return repository
        ? serveTags(repository, name, url.searchParams)
        : registryError(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    }
    if (kind === 'referrers') {
      return repository && this.#hasReferrers
        ? referrersOf(repository, reference)
        : { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found\n' };
    }
    const content = repository?.blobs.get(reference);
    if (kind !== 'blobs' || !content) return registryError(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    return serveBlob(content, reference, method, headers['range']);
  }

  #permits(authorization: string | undefined, scope: string | undefined): boolean {
    if (this.#auth === 'none') return true;
    const [scheme, credentials = ''] = (authorization ?? '').split(' ');
    if (this.#auth === 'basic') return scheme === 'Basic' && this.#knows(credentials);
    const token = scheme === 'Bearer' ? this.#tokens.get(credentials) : undefined;
    if (!token || token.expires <= this.#clock.now()) return false;
    return scope === undefined || token.scopes.includes(scope);
  }

  #knows(basic: string): boolean {
    return Buffer.from(basic, 'base64').toString() === `${this.#login?.username}:${this.#login?.password}`;
  }

  #challenge(scope: string | undefined, error?: string): HttpResponse {
    const service = this.host === 'docker.io' ? 'registry.docker.io' : this.host;
    const what = `${scope ? `,scope="${scope}"` : ''}${error ? `,error="${error}"` : ''}`;
    const bearer = `Bearer realm="${this.#realm}",service="${service}"${what}`;
    const challenge = this.#auth === 'basic' ? `Basic realm="${this.host}"` : bearer;
    return registryError(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge });
  }

  #issueToken({ url, headers }: HttpRequest): HttpResponse {
    const basic = headers['authorization']?.replace(/^Basic /, '');
    if ((basic !== undefined || this.#login) && !this.#knows(basic ?? '')) {
      return registryError(401, 'UNAUTHORIZED', 'incorrect username or password');
    }
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    const token = this.issue(scopes, tokenLife);
    return json(200, { token, access_token: token, expires_in: tokenLife });
  }

  /** Issues a bearer token without any check. @param life seconds */
  issue(scopes: readonly string[], life: number): string {
    const token = randomUUID();
    this.#tokens.set(token, { scopes, expires: this.#clock.now() + life * 1000 });
    return token;
  }
}
