import { type Clock, stopwatch } from '../../core/clock.ts';
import type { Net } from '../net/index.ts';
import { type Destinations, localRefusal } from './destinations.ts';
import { RegistryError } from './errors.ts';
import { reasonOf } from '../../core/errors.ts';
import { connectionFailure, failureCode } from '../net/errors.ts';
import { LocalAddressError, type Reach } from '../net/local.ts';
import { request as exchange } from '../net/request.ts';
import type { Readable } from 'node:stream';

/** Counts requests on behalf of one image. */
export interface RequestCount {
  requests: number;
}

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
  /** What is being done, for error messages. */
  readonly what: string;
  readonly tally?: RequestCount;
}

/** An answer whose body must be read or dumped, or its connection is lost. */
export interface Reply {
  /** Where the answer comes from: after redirects, not always from the host that was asked. */
  readonly url: URL;
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** The body. Throws RegistryError when it breaks off. */
  chunks(): AsyncIterable<Buffer>;
  dump(): Promise<void>;
}

/** Registries may think for long after a large upload: they hash it or copy it to its place. */
const responseTimeoutMs = 300_000;
/** Nothing arrives at all for so long: the other side is gone. */
const idleTimeoutMs = 60_000;
/** An answer that delivers less than this in {@link slowWindowMs} of waiting for it is given up. Bytes. */
const slowBytes = 1024 * 1024;
const slowWindowMs = 300_000;
/** The most that is read of an unwanted body to keep its connection. Bytes. */
const maxDiscardedBytes = 128 * 1024;
/** Bytes of an answer that are read ahead and passed on as one: four times undici's own, so a quarter of the steps for a large blob. */
const bufferedAnswer = 256 * 1024;
const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);
/** The others make a request without a body of it. */
const keepsBody = new Set([307, 308]);

/** Single HTTP exchanges with one registry and where it sends us, by way of {@link Net}: no authentication, no retries. */
export class RegistryTransport {
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #destinations: Destinations;

  constructor(net: Net, clock: Clock, destinations: Destinations) {
    this.#net = net;
    this.#clock = clock;
    this.#destinations = destinations;
  }

  /** @throws RegistryError when no answer comes; any status is an answer */
  async send(request: Request): Promise<Reply> {
    const { method, url, headers, body, signal } = request;
    signal.throwIfAborted();
    if (request.tally) request.tally.requests += 1;
    const passedMs = stopwatch(this.#clock);
    const outgoing = typeof body === 'object' && !Buffer.isBuffer(body) ? new UploadBody(body) : undefined;
    try {
      const {
        statusCode,
        headers: answered,
        body: content,
      } = await exchange(url, {
        dispatcher: await this.#net.dispatcher(this.#destinations.reach(url)),
        method,
        headers: { 'user-agent': 'ecr-bootstrap', 'accept-encoding': 'identity', ...headers },
        body: outgoing?.asBody() ?? (body as Buffer | string | undefined) ?? null,
        signal: outgoing ? AbortSignal.any([signal, outgoing.stalled]) : signal,
        headersTimeout: this.#net.timeoutMs(responseTimeoutMs),
        bodyTimeout: this.#net.timeoutMs(idleTimeoutMs),
        highWaterMark: bufferedAnswer,
        // Each of them restarts the timeout above.
        onInfo: () => {
          if (!outgoing && passedMs() > responseTimeoutMs) throw tooSlow(request);
        },
      });
      const header = (name: string) => {
        const value = answered[name];
        return Array.isArray(value) ? value.join(', ') : value;
      };
      return {
        url,
        status: statusCode,
        header,
        chunks: () => this.#read(content, request),
        dump: () => discard(this.#read(content, request)),
      };
    } catch (error) {
      if (outgoing?.failure) throw outgoing.failure.thrown;
      throw await this.#failure(error, request);
    }
  }

  async *#read(content: AsyncIterable<Buffer>, request: Request): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#paced(content, request);
    } catch (error) {
      throw await this.#failure(error, request);
    }
  }

  /** Counts only the time spent waiting for the other side, not the time between two requests for more. */
  async *#paced(content: AsyncIterable<Buffer>, request: Request): AsyncGenerator<Buffer, void, undefined> {
    let received = 0;
    let waitedMs = 0;
    let passedMs = stopwatch(this.#clock);
    for await (const chunk of content) {
      // Longer silence ends the request elsewhere; here it means that the computer slept.
      waitedMs += Math.min(passedMs(), idleTimeoutMs);
      received += chunk.length;
      if (received >= slowBytes) received = waitedMs = 0;
      else if (waitedMs >= slowWindowMs) throw tooSlow(request);
      yield chunk;
      passedMs = stopwatch(this.#clock);
    }
  }

  async #failure(thrown: unknown, { signal, what, url }: Request): Promise<unknown> {
    if (signal.aborted) return signal.reason;
    if (thrown instanceof RegistryError) return thrown;
    return networkError(what, url, thrown, this.#net, this.#destinations.reach(url));
  }

  /**
   * Sends a request and follows where it is sent on to, usually a content network. Credentials stay with the host
   * that they are for.
   */
  async follow(request: Request): Promise<Reply> {
    let next = request;
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const reply = await this.send(next);
      const location = reply.header('location');
      if (!redirects.has(reply.status) || location === undefined) return reply;
      await reply.dump();
      next = this.#redirected(next, location, reply.status);
    }
    throw redirectError(request, `it is sent on more than ${maxRedirects} times`);
  }

  #redirected(request: Request, location: string, status: number): Request {
    const url = this.#destinations.onward(location, request.what, request.url);
    const isSameOrigin = url.origin === request.url.origin;
    // A body holds a login, or is content that this registry asked for.
    if (request.body !== undefined && (!isSameOrigin || !keepsBody.has(status)))
      throw redirectError(request, `it is sent on to ${url.host} with what is only for this host`);
    if (isSameOrigin) return { ...request, url };
    const { authorization: _, ...headers } = request.headers;
    return { ...request, url, headers };
  }
}

function redirectError(request: Request, why: string): RegistryError {
  return new RegistryError(
    {
      code: 'registry-failed',
      what: request.what,
      why: `${request.url.host}: ${why}`,
      hint: 'Report this to the operators of the registry, or use the image from another registry.',
    },
    {},
  );
}

function tooSlow({ what, url }: Request): RegistryError {
  return new RegistryError(
    {
      code: 'registry-failed',
      what,
      why: `${url.host}: it delivered less than 1 MiB in 5 minutes`,
      hint: 'Check the network and the proxy, and run the same command again. Copied images are not copied again.',
    },
    {},
  );
}

/** Reads to the end, so that the connection can be used again, unless that takes longer than a new one. */
async function discard(chunks: AsyncIterable<Buffer>): Promise<void> {
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > maxDiscardedBytes) return;
    }
  } catch {
    // Only the connection is lost; the answer's head says all that matters.
  }
}

/** The body as text, cut at `longest` bytes. */
export async function readText(reply: Reply, longest: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.chunks()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > longest) break;
  }
  return Buffer.concat(chunks).subarray(0, longest).toString();
}

/** Waiting does not cure a name that does not exist. */
const permanentCodes = new Set(['ENOTFOUND', 'ENETUNREACH', 'EHOSTUNREACH']);
/** A proxy refuses the connection or cannot reach the host, in the words of {@link connectionFailure}. */
const stoppedByProxy = /^the proxy answers/;
const neverConnected = new Set([...permanentCodes, 'EAI_AGAIN', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);

/** Turns a failure of the network into an error that says what to do. */
async function networkError(
  what: string,
  url: URL,
  thrown: unknown,
  net: Net,
  reach: Reach,
): Promise<RegistryError> {
  if (thrown instanceof LocalAddressError) return localRefusal(what, thrown.message, url, thrown);
  const untrusted = await net.untrusted(thrown, url.href, reach);
  if (untrusted) return new RegistryError(untrusted, {}, { cause: thrown });
  const code = failureCode(thrown) ?? '';
  const reason = connectionFailure(thrown) ?? reasonOf(thrown);
  const why = `${url.host}: ${reason}`;
  const isStopped = stoppedByProxy.test(reason);
  if (isStopped || neverConnected.has(code)) {
    const hint = `Check the name ${url.hostname}, and HTTPS_PROXY and NO_PROXY if a proxy is needed.`;
    const failure = { retryable: !isStopped && !permanentCodes.has(code) };
    return new RegistryError({ code: 'registry-unreachable', what, why, hint }, failure, { cause: thrown });
  }
  const hint = 'Run the same command again; what was copied is not copied again.';
  return new RegistryError(
    { code: 'registry-failed', what, why, hint },
    { retryable: code !== 'UND_ERR_HEADERS_OVERFLOW' },
    { cause: thrown },
  );
}

/** A body in which nothing moves for so long will not arrive any more. Milliseconds. */
const requestTimeoutMs = 120_000;

/** A request's body: remembers why its source failed, and gives up when the server stops reading. */
class UploadBody {
  readonly #stalled = new AbortController();
  readonly #chunks: AsyncIterable<Buffer>;
  /** What the body itself failed with: the cause of whatever the connection says then. */
  failure: { readonly thrown: unknown } | undefined;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks;
  }

  /** Aborted when the body stalled. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
  }

  /** undici sends any async iterable, and with less work than a stream; its types only name streams. */
  asBody(): Readable {
    return this.#watched() as unknown as Readable;
  }

  async *#watched(): AsyncGenerator<Buffer, void, undefined> {
    const timer = setTimeout(
      () => this.#stalled.abort(new Error('nothing moved for two minutes')),
      requestTimeoutMs,
    );
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
