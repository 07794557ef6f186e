import { BootstrapError } from '../../core/errors.ts';
import { type Digest, isDigest, isTag } from './digest.ts';
import { RegistryError } from './errors.ts';
import type { RequestContext, RegistryHost } from './host.ts';
import { acceptedManifests, type Descriptor, parseManifest, referrersType } from './manifest.ts';
import { checkDigest, digestHeader, type RawManifest, receiveManifest } from './raw-manifest.ts';
import type { RegistryResponse } from './transport.ts';

/** Called for each manifest that the registry has stored. The reference is a tag or a digest. */
export type OnPut = (repository: string, reference: string, digest: Digest) => void;

/** Where to upload a blob's bytes: the response to a POST. */
export interface Upload {
  readonly location: string;
}

/** References are validated where they are read. This check keeps a missed one out of URLs. */
function manifestPath(repository: string, reference: string): string {
  if (!isDigest(reference) && !isTag(reference)) throw new Error('neither a tag nor a digest');
  return `/v2/${repository}/manifests/${reference}`;
}

/** Error codes for content that a registry does not store, so that a retry cannot help. */
const unsupportedCodes = new Set(['UNSUPPORTED', 'MANIFEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_INVALID']);
const unsupportedStatuses = new Set([405, 413, 415]);

/** @throws RegistryError `image-unsupported` with the registry's message when it rejects the content itself */
async function unlessUnsupported<T>(request: Promise<T>, content: string): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { status = 0, codes = [] } = error.failure;
    const isRefused = status === 400 && codes.some((code) => unsupportedCodes.has(code));
    if (!isRefused && !unsupportedStatuses.has(status)) throw error;
    const { what, why, failure } = error;
    const hint =
      'Mirror one platform of the image with --platform, which copies no attestations. If the registry refuses that too, add the image to images.exclude.';
    const parts = { code: 'image-unsupported', what, why: `${why} (${content})`, hint } as const;
    throw new RegistryError(parts, failure, { cause: error });
  }
}

/**
 * Some registries, and firewalls in front of them, reject every HEAD. The response to a GET also has a body with
 * the reason.
 */
const headRefusals = new Set([400, 405, 501]);

async function unlessHeadUnsupported<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof RegistryError && headRefusals.has(error.failure.status ?? 0)) return undefined;
    throw error;
  }
}

/** Registries without an API answer its requests with these: 404 in most cases, 401 or 405 in others. */
function isAbsentApi(error: unknown): boolean {
  if (!(error instanceof RegistryError) || error.failure.retryable) return false;
  const { status = 0 } = error.failure;
  return (status >= 400 && status < 500) || status === 501;
}

/** Far more than any real image has, and few enough for the memory. */
const maxReferrers = 1000;
const maxReferrerPages = 100;

/** The query of the next page, from a Link header. A page has the same path. */
function nextQuery(link = ''): string | undefined {
  const [, target] = /<([^>]+)>\s*;[^,]*\brel="?next\b/.exec(link) ?? [];
  const base = 'https://registry';
  return target !== undefined && URL.canParse(target, base)
    ? new URL(target, base).search || undefined
    : undefined;
}

const tooManyReferrers = (what: string): BootstrapError =>
  new BootstrapError({
    code: 'image-unsupported',
    what,
    why: `there are more than ${maxReferrers.toLocaleString('en-US')} of them`,
    hint: 'Delete old signatures and attestations at the source.',
  });

/** A registry, or what stands for one: an image layout in a folder. */
export type Registry = Pick<RegistryClient, keyof RegistryClient>;

/**
 * The distribution API of one registry, with the minimum number of requests. Short requests are retried
 * automatically. An upload is not, because each attempt needs its own session.
 * Every method throws RegistryError, and returns undefined for what does not exist.
 */
export class RegistryClient {
  readonly #host: RegistryHost;
  readonly #actions: string;
  readonly #onPut: OnPut | undefined;

  /** @param actions of scopes: `pull` or `pull,push` */
  constructor(host: RegistryHost, actions: 'pull' | 'pull,push', onPut?: OnPut) {
    this.#host = host;
    this.#actions = actions;
    this.#onPut = onPut;
  }

  get name(): string {
    return this.#host.name;
  }

  /** Retries several requests as a whole. */
  retrying<T>(call: RequestContext, attempt: () => Promise<T>): Promise<T> {
    return this.#host.retrying(call, attempt);
  }

  /**
   * The digest that a tag points to. Sends a HEAD, which Docker Hub does not count as a pull.
   * @param reference a tag or a digest
   * @throws BootstrapError `image-corrupt` when the registry returns no valid digest, or not the requested one
   */
  async headManifest(
    repository: string,
    reference: string,
    call: RequestContext,
  ): Promise<Digest | undefined> {
    const reply = await unlessHeadUnsupported(
      this.retrying(call, () => this.#manifest('HEAD', repository, reference, call)),
    );
    if (!reply) return (await this.getManifest(repository, reference, call))?.digest;
    await reply.dump();
    if (reply.status === 404) return undefined;
    const what = this.#what('look up', repository, reference);
    const digest = digestHeader(reply, what);
    if (isDigest(reference)) checkDigest(digest, reference, 'the registry sent', what);
    return digest ?? (await this.getManifest(repository, reference, call))?.digest;
  }

  /**
   * @param reference a tag or a digest
   * @throws BootstrapError `image-unsupported` when it is larger than ECR accepts, `image-corrupt` for a wrong digest
   */
  getManifest(repository: string, reference: string, call: RequestContext): Promise<RawManifest | undefined> {
    return this.retrying(call, async () => {
      const reply = await this.#manifest('GET', repository, reference, call);
      if (reply.status === 404) {
        await reply.dump();
        return undefined;
      }
      const what = this.#what('get the manifest of', repository, reference);
      return receiveManifest(reply, isDigest(reference) ? reference : undefined, what);
    });
  }

  /**
   * The manifests that refer to a manifest, which need not exist: the referrers API of OCI 1.1.
   * @returns undefined if the registry does not have the API, or not for a manifest of this type
   * @throws BootstrapError `image-unsupported` when there are too many, `image-corrupt` for a wrong descriptor
   */
  async referrers(
    repository: string,
    subject: Digest,
    call: RequestContext,
  ): Promise<readonly Descriptor[] | undefined> {
    const what = this.#what('list the referrers of', repository, subject);
    const found = new Map<Digest, Descriptor>();
    let query: string | undefined = '';
    for (let pages = 1; query !== undefined; pages += 1) {
      const path = `/v2/${repository}/referrers/${subject}${query}`;
      const page = await this.#referrersPage(path, repository, what, call);
      if (!page) return undefined;
      for (const one of page.referrers) found.set(one.digest, one);
      query = page.next;
      const isTooLong = pages >= maxReferrerPages && query !== undefined;
      if (isTooLong || found.size > maxReferrers) throw tooManyReferrers(what);
    }
    return [...found.values()];
  }

  async #referrersPage(path: string, repository: string, what: string, call: RequestContext) {
    try {
      return await this.retrying(call, async () => {
        const reply = await this.#host.send(
          { method: 'GET', path, headers: { accept: referrersType }, scope: this.#scope(repository), what },
          call,
        );
        // Some servers answer any path with a page of their website.
        if (!reply.header('content-type')?.startsWith(referrersType)) {
          await reply.dump();
          return undefined;
        }
        const { bytes, mediaType } = await receiveManifest(reply, undefined, what);
        return {
          referrers: parseManifest(bytes, mediaType, what).children,
          next: nextQuery(reply.header('link')),
        };
      });
    } catch (error) {
      if (isAbsentApi(error)) return undefined;
      throw error;
    }
  }

  /** Opens a blob for reading, starting at `offset`. Not retried. */
  async openBlob(
    repository: string,
    digest: Digest,
    offset: number,
    call: RequestContext,
  ): Promise<RegistryResponse> {
    const reply = await this.#host.send(
      {
        method: 'GET',
        path: `/v2/${repository}/blobs/${digest}`,
        headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
        scope: this.#scope(repository),
        what: this.#what('get blob', repository, digest),
        kind: 'read-blob',
      },
      call,
    );
    return reply;
  }

  async hasBlob(repository: string, digest: Digest, call: RequestContext): Promise<boolean> {
    const reply = await this.retrying(call, () =>
      this.#host.send(
        {
          method: 'HEAD',
          path: `/v2/${repository}/blobs/${digest}`,
          scope: this.#scope(repository),
          what: this.#what('look for blob', repository, digest),
          accept: [404],
        },
        call,
      ),
    );
    await reply.dump();
    return reply.status !== 404;
  }

  /**
   * Whether the registry has a blob that it need not have. A rejection means no. Without a response, it may have
   * the blob.
   */
  async offersBlob(repository: string, digest: Digest, call: RequestContext): Promise<boolean> {
    try {
      return await this.hasBlob(repository, digest, call);
    } catch (error) {
      if (error instanceof RegistryError) return (error.failure.status ?? 500) >= 500;
      throw error;
    }
  }

  /**
   * Starts an upload, or mounts the blob from another repository. Not retried.
   * @returns undefined when the repository already has the blob, so no upload is needed
   */
  async startUpload(
    repository: string,
    mount: { readonly digest: Digest; readonly from: string } | undefined,
    call: RequestContext,
  ): Promise<Upload | undefined> {
    const query = mount
      ? `?${new URLSearchParams({ mount: mount.digest, from: mount.from }).toString()}`
      : '';
    const what = this.#what('start an upload to', repository);
    const reply = await this.#host.send(
      {
        method: 'POST',
        path: `/v2/${repository}/blobs/uploads/${query}`,
        headers: { 'content-length': '0' },
        scope: this.#scope(repository),
        what,
        kind: 'start-upload',
      },
      call,
    );
    await reply.dump();
    if (reply.status === 201) return undefined;
    const location = reply.header('location');
    if (location === undefined) throw this.#odd(what, `HTTP ${reply.status} returned no upload location`);
    return { location };
  }

  /** Sends a whole blob in one request. Not retried. */
  async upload(
    repository: string,
    upload: Upload,
    blob: { readonly digest: Digest; readonly size: number; readonly body: Buffer | AsyncIterable<Buffer> },
    call: RequestContext,
  ): Promise<void> {
    const separator = upload.location.includes('?') ? '&' : '?';
    const what = this.#what('upload blob', repository, blob.digest);
    const request = this.#host.send(
      {
        method: 'PUT',
        path: `${upload.location}${separator}digest=${encodeURIComponent(blob.digest)}`,
        // Debian's docker-registry rejects uploads without a type.
        headers: { 'content-length': String(blob.size), 'content-type': 'application/octet-stream' },
        body: blob.body,
        scope: this.#scope(repository),
        what,
        kind: 'finish-upload',
      },
      call,
    );
    const reply = await (blob.size === 0 ? unlessUnsupported(request, 'an empty blob') : request);
    await reply.dump();
  }

  async putManifest(
    repository: string,
    reference: string,
    manifest: RawManifest,
    call: RequestContext,
  ): Promise<void> {
    const what = this.#what('put the manifest of', repository, reference);
    const request = this.retrying(call, () =>
      this.#host.send(
        {
          method: 'PUT',
          path: manifestPath(repository, reference),
          headers: { 'content-type': manifest.mediaType },
          body: manifest.bytes,
          scope: this.#scope(repository),
          what,
          kind: 'put-manifest',
        },
        call,
      ),
    );
    const reply = await unlessUnsupported(request, `a manifest of type ${manifest.mediaType}`);
    await reply.dump();
    checkDigest(digestHeader(reply, what), manifest.digest, `${this.name} stored`, what);
    this.#onPut?.(repository, reference, manifest.digest);
  }

  #manifest(
    method: 'GET' | 'HEAD',
    repository: string,
    reference: string,
    call: RequestContext,
  ): Promise<RegistryResponse> {
    return this.#host.send(
      {
        method,
        path: manifestPath(repository, reference),
        headers: { accept: acceptedManifests },
        scope: this.#scope(repository),
        what: this.#what('look up', repository, reference),
        accept: [404],
      },
      call,
    );
  }

  #scope = (repository: string) => `repository:${repository}:${this.#actions}`;

  #what(action: string, repository: string, reference = ''): string {
    const separator = isDigest(reference) ? '@' : ':';
    return `could not ${action} ${this.name}/${repository}${reference === '' ? '' : separator}${reference}`;
  }

  #odd(what: string, why: string): BootstrapError {
    const hint = `Check that ${this.name} is a registry.`;
    return new BootstrapError({ code: 'registry-failed', what, why: `${this.name}: ${why}`, hint });
  }
}
