import { type Clock, stopwatch } from '../../core/clock.ts';
import { type Net, unreachableError } from '../net/index.ts';
import { type Destinations, localAddressRefusal } from './destinations.ts';
import { forbiddenRedirect, RegistryError } from './errors.ts';
import { type NetworkError, type NetworkErrorKind, toNetworkError } from '../net/errors.ts';
import { request as exchange } from '../net/request.ts';

/** Counts the requests for one image. */
export interface RequestCount {
  requests: number;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
  /** The current action, for error messages. */
  readonly what: string;
  readonly tally?: RequestCount;
}

/** A response. Its body must be read or dumped, or its connection is lost. */
export interface RegistryResponse {
  /** The URL that responded. After redirects, its host may differ from the requested one. */
  readonly url: URL;
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** The body. @throws RegistryError when the connection breaks */
  chunks(): AsyncIterable<Buffer>;
  dump(): Promise<void>;
}

/** After a large upload, a registry may take long to respond: it hashes the content or moves it. In milliseconds. */
const responseTimeoutMs = 300_000;
/** If nothing arrives for this long, the connection counts as broken. In milliseconds. */
const idleTimeoutMs = 60_000;
/** A response fails if it delivers less than this during {@link slowWindowMs} of waiting. In bytes. */
const slowBytes = 1024 * 1024;
const slowWindowMs = 300_000;
/** Maximum size of an unneeded body that is read to keep its connection. In bytes. */
const maxDiscardedBytes = 128 * 1024;
const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);
/** Redirects that keep the method and the body. The others change the request to one without a body. */
const keepsBody = new Set([307, 308]);

/**
 * Single HTTP exchanges with one registry and the hosts that it redirects to, through {@link Net}. No login, no
 * retries.
 */
export class RegistryTransport {
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #destinations: Destinations;

  constructor(net: Net, clock: Clock, destinations: Destinations) {
    this.#net = net;
    this.#clock = clock;
    this.#destinations = destinations;
  }

  /** @throws RegistryError when there is no response; any status is a response */
  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const { method, url, headers, body, signal } = request;
    signal.throwIfAborted();
    if (request.tally) request.tally.requests += 1;
    const passedMs = stopwatch(this.#clock);
    const outgoing = typeof body === 'object' && !Buffer.isBuffer(body) ? new UploadBody(body) : undefined;
    try {
      const answer = await exchange(this.#net, url, {
        method,
        reach: this.#destinations.reach(url),
        headers: { 'user-agent': 'ecr-bootstrap', 'accept-encoding': 'identity', ...headers },
        body: outgoing?.chunks() ?? body ?? null,
        signal: outgoing ? AbortSignal.any([signal, outgoing.stalled]) : signal,
        headersTimeoutMs: responseTimeoutMs,
        bodyTimeoutMs: idleTimeoutMs,
        // Each interim response restarts the timeout above.
        onInfo: () => {
          if (!outgoing && passedMs() > responseTimeoutMs) throw tooSlow(request);
        },
      });
      return {
        url,
        status: answer.status,
        header: answer.header,
        chunks: () => this.#read(answer.body, request),
        dump: () => discard(this.#read(answer.body, request)),
      };
    } catch (error) {
      if (outgoing?.failure) throw outgoing.failure.thrown;
      throw await this.#failure(error, request);
    }
  }

  async *#read(
    content: AsyncIterable<Buffer>,
    request: RegistryRequest,
  ): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#paced(content, request);
    } catch (error) {
      throw await this.#failure(error, request);
    }
  }

  /** Counts only the time spent waiting for the server, not the time until the reader asks for more. */
  async *#paced(
    content: AsyncIterable<Buffer>,
    request: RegistryRequest,
  ): AsyncGenerator<Buffer, void, undefined> {
    let received = 0;
    let waitedMs = 0;
    let passedMs = stopwatch(this.#clock);
    for await (const chunk of content) {
      // A longer pause means that the computer slept: `idleTimeoutMs` would have ended the request otherwise.
      waitedMs += Math.min(passedMs(), idleTimeoutMs);
      received += chunk.length;
      if (received >= slowBytes) received = waitedMs = 0;
      else if (waitedMs >= slowWindowMs) throw tooSlow(request);
      yield chunk;
      passedMs = stopwatch(this.#clock);
    }
  }

  async #failure(thrown: unknown, { signal, what, url }: RegistryRequest): Promise<unknown> {
    if (signal.aborted) return signal.reason;
    if (thrown instanceof RegistryError) return thrown;
    return registryError(
      what,
      this.#net,
      toNetworkError(thrown, { url, reach: this.#destinations.reach(url) }),
    );
  }

  /**
   * Sends a request and follows redirects, usually to a content delivery network. Sends credentials only to the
   * host that they are for.
   */
  async follow(request: RegistryRequest): Promise<RegistryResponse> {
    let next = request;
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const reply = await this.send(next);
      const location = reply.header('location');
      if (!redirects.has(reply.status) || location === undefined) return reply;
      await reply.dump();
      next = this.#redirected(next, location, reply.status);
    }
    throw redirectError(request, `it redirects more than ${maxRedirects} times`);
  }

  #redirected(request: RegistryRequest, location: string, status: number): RegistryRequest {
    const url = this.#destinations.onward(location, request.what, request.url);
    const isSameOrigin = url.origin === request.url.origin;
    // A body contains a login, or content for this registry only.
    if (request.body !== undefined && (!isSameOrigin || !keepsBody.has(status)))
      throw redirectError(request, `it redirects to ${url.host} with a body that is only for this host`);
    if (isSameOrigin) return { ...request, url };
    const { authorization: _, ...headers } = request.headers;
    return { ...request, url, headers };
  }
}

const redirectError = ({ what, url }: RegistryRequest, why: string): RegistryError =>
  forbiddenRedirect(what, `${url.host}: ${why}`);

function tooSlow({ what, url }: RegistryRequest): RegistryError {
  return new RegistryError(
    {
      code: 'registry-failed',
      what,
      why: `${url.host}: it delivered less than 1 MiB in 5 minutes`,
      hint: 'Check the network and the proxy, then run the same command again. Copied images are not copied again.',
    },
    {},
  );
}

/** Reads to the end, so that the connection can be reused, unless a new connection would be faster. */
async function discard(chunks: AsyncIterable<Buffer>): Promise<void> {
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > maxDiscardedBytes) return;
    }
  } catch {
    // Only the connection is lost. The head of the response has everything that matters.
  }
}

/** The body as text, truncated to `maxBytes` bytes. */
export async function readText(reply: RegistryResponse, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.chunks()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString();
}

/** No connection was established, and a retry does not help. */
const permanentKinds: readonly NetworkErrorKind[] = ['name-unknown', 'no-route', 'proxy-refused'];
const unconnectedKinds: readonly NetworkErrorKind[] = [
  ...permanentKinds,
  ...(['resolver-failed', 'refused', 'connect-timeout'] as const),
];

/** Converts a network failure to an error with a hint. */
async function registryError(what: string, net: Net, error: NetworkError): Promise<RegistryError> {
  const { kind, url } = error;
  if (kind === 'local-address') return localAddressRefusal(what, error.message, url, error);
  const isConnected = !unconnectedKinds.includes(kind);
  const explained = await unreachableError(net, error, {
    what,
    ...(isConnected
      ? { code: 'registry-failed', hint: 'Run the same command again; copied images are not copied again.' }
      : {
          code: 'registry-unreachable',
          hint: `Check the name ${url.hostname}, and HTTPS_PROXY and NO_PROXY if a proxy is needed.`,
        }),
  });
  const retryable =
    explained.code !== 'tls-untrusted' && !permanentKinds.includes(kind) && kind !== 'headers-too-large';
  return new RegistryError(explained, { ...(retryable && { retryable }) }, { cause: error });
}

/** An upload without progress for this long fails. In milliseconds. */
const stallTimeoutMs = 120_000;

/** The body of an upload. Remembers why its source failed, and aborts when the server stops reading. */
class UploadBody {
  readonly #stalled = new AbortController();
  readonly #chunks: AsyncIterable<Buffer>;
  /** The error of the body itself. It is the cause of the connection's error that follows. */
  failure: { readonly thrown: unknown } | undefined;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks;
  }

  /** Aborted when the body stalls. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
  }

  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    const timer = setTimeout(() => this.#stalled.abort(new Error('no data for two minutes')), stallTimeoutMs);
    try {
      for await (const chunk of this.#chunks) {
        timer.refresh();
        yield chunk;
      }
    } catch (thrown) {
      this.failure = { thrown };
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }
}
