import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256, type Blob, type TestImage } from './images.ts';

/** A request as the server received it. `kind` is for example `GET blobs` or `POST uploads`. */
export interface RecordedRequest {
  readonly kind: string;
  readonly repository: string;
  readonly reference: string;
  /** The path and query. The origin is arbitrary. */
  readonly path: URL;
  readonly headers: IncomingMessage['headers'];
}

/** A faulty response to a request. A status has headers; the others change a body. */
export type Misbehavior =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /**
   * Ends the response's body, or stops reading the request's body, after this many bytes. The server may then die.
   */
  | { readonly cutAfter: number; readonly dies?: boolean }
  /** Sends other bytes. */
  | { readonly instead: Buffer; readonly headers?: Record<string, string> }
  /** Announces this length, and sends as many of the real bytes as there are. */
  | { readonly announce: number }
  /** Lets the test handle the response. */
  | { readonly answer: (response: ServerResponse) => void };

type Decide = (request: RecordedRequest, times: number) => Misbehavior | undefined;

/** A registry that misbehaves on purpose: plain HTTP on loopback, in memory, with mounts allowed. */
export class OciServer {
  readonly repositories = new Map<string, { blobs: Map<string, Buffer>; manifests: Map<string, Blob> }>();
  readonly requests: RecordedRequest[] = [];
  /** Called for each request; `times` counts the requests of its kind, from 1. */
  misbehavior: Decide = () => undefined;
  /** Each request waits for this before it is served. */
  hold: () => Promise<void> = () => Promise.resolve();
  readonly #server: Server;
  readonly #times = new Map<string, number>();
  /** What clients sent by PATCH before the PUT, by upload. */
  readonly #chunks = new Map<string, Buffer>();
  #uploads = 0;
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<OciServer> {
    const server = new OciServer();
    await server.revive();
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Immediately closes all connections and accepts no more. The content stays. */
  die(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Listens again at the same address. */
  async revive(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.die();
    await once(this.#server, 'close');
  }

  repository(name: string) {
    let found = this.repositories.get(name);
    if (!found) this.repositories.set(name, (found = { blobs: new Map(), manifests: new Map() }));
    return found;
  }

  /** Stores an image under a tag, or an index when there are several images. */
  put(name: string, tag: string, images: readonly TestImage[], top?: Blob): void {
    const { blobs, manifests } = this.repository(name);
    for (const { manifest, config, layers } of images) {
      for (const blob of [config, ...layers]) blobs.set(blob.digest, blob.bytes);
      manifests.set(manifest.digest, manifest);
    }
    const root = top ?? images[0]?.manifest;
    if (!root) throw new Error('an image is needed');
    manifests.set(root.digest, root);
    manifests.set(tag, root);
  }

  /** The number of requests of each kind. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { kind } of this.requests) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    if (url.pathname === '/v2/') {
      response.end('{}');
      return;
    }
    const [, repository = '', part = '', reference = ''] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|referrers|tags)\/([^/]*)$/.exec(url.pathname) ?? [];
    const kind = `${request.method ?? ''} ${part.replace('blobs/uploads', 'uploads')}`;
    const received = { kind, repository, reference, path: url, headers: request.headers };
    this.requests.push(received);
    const times = (this.#times.get(kind) ?? 0) + 1;
    this.#times.set(kind, times);
    await this.hold();
    const misbehavior = this.misbehavior(received, times);
    if (misbehavior && 'status' in misbehavior) {
      request.resume();
      response.writeHead(misbehavior.status, misbehavior.headers).end(misbehavior.body ?? '');
      return;
    }
    if (misbehavior && 'answer' in misbehavior) {
      request.resume();
      misbehavior.answer(response);
      return;
    }
    const cut = misbehavior && 'cutAfter' in misbehavior ? misbehavior : undefined;
    const body = await receive(request, cut && kind.startsWith('P') ? cut.cutAfter : Infinity);
    if (body) this.#answer(received, url, body, response, misbehavior);
    else if (cut?.dies) this.die();
    else request.socket.destroy();
  }

  #answer(
    { kind, repository, reference, headers }: RecordedRequest,
    url: URL,
    body: Buffer,
    response: ServerResponse,
    misbehavior: Misbehavior | undefined,
  ): void {
    const held = this.repositories.get(repository);
    const digest = url.searchParams.get('digest') ?? url.searchParams.get('mount') ?? '';
    if (!held) return refuse(response, 404, 'NAME_UNKNOWN');
    // It does not have the referrers API, unless a test answers for it.
    if (kind === 'GET referrers') return refuse(response, 404, 'UNSUPPORTED');
    if (kind === 'GET tags') {
      const tags = [...held.manifests.keys()].filter((one) => !one.includes(':'));
      response.end(JSON.stringify({ name: repository, tags }));
      return;
    }
    if (kind === 'GET blobs' || kind === 'HEAD blobs') {
      const blob = held.blobs.get(reference);
      return blob
        ? this.#give(response, blob, headers.range, misbehavior)
        : refuse(response, 404, 'BLOB_UNKNOWN');
    }
    if (kind === 'POST uploads') {
      const blob = this.repositories.get(url.searchParams.get('from') ?? '')?.blobs.get(digest);
      if (blob) held.blobs.set(digest, blob);
      const location = `/v2/${repository}/blobs/uploads/${(this.#uploads += 1)}?state=x`;
      response.writeHead(blob ? 201 : 202, { location }).end();
      return;
    }
    if (kind === 'PATCH uploads') {
      this.#chunks.set(reference, body);
      response.writeHead(202, { location: url.href, range: `0-${body.length - 1}` }).end();
      return;
    }
    if (kind === 'PUT uploads') {
      const whole = Buffer.concat([this.#chunks.get(reference) ?? Buffer.alloc(0), body]);
      if (sha256(whole) !== digest) return refuse(response, 400, 'DIGEST_INVALID');
      held.blobs.set(digest, whole);
      response.writeHead(201).end();
      return;
    }
    if (kind === 'PUT manifests') {
      const manifest = { digest: sha256(body), mediaType: headers['content-type'] ?? '', bytes: body };
      held.manifests.set(manifest.digest, manifest).set(reference, manifest);
      response.writeHead(201, { 'docker-content-digest': manifest.digest }).end();
      return;
    }
    const manifest = held.manifests.get(reference);
    if (!manifest) return refuse(response, 404, 'MANIFEST_UNKNOWN');
    response
      .setHeader('docker-content-digest', manifest.digest)
      .setHeader('content-type', manifest.mediaType);
    this.#give(response, manifest.bytes, undefined, misbehavior);
  }

  #give(
    response: ServerResponse,
    bytes: Buffer,
    range: string | undefined,
    misbehavior: Misbehavior | undefined,
  ): void {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const body = misbehavior && 'instead' in misbehavior ? misbehavior.instead : bytes.subarray(start);
    const length = misbehavior && 'announce' in misbehavior ? misbehavior.announce : body.length;
    const extra = misbehavior && 'instead' in misbehavior ? misbehavior.headers : {};
    const sent = start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(sent ? 206 : 200, { 'content-length': length, ...sent, ...extra });
    if (misbehavior && 'cutAfter' in misbehavior) {
      const end = () => (misbehavior.dies ? this.die() : response.destroy());
      response.write(body.subarray(0, misbehavior.cutAfter), end);
    } else if (length === body.length) response.end(body);
    else response.write(body, () => response.destroy());
  }
}

/** Reads the body. Returns undefined when it must be cut. */
async function receive(request: IncomingMessage, cutAfter: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= cutAfter) return undefined;
  }
  return Buffer.concat(chunks);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replace('_', ' ') }] }));
}
