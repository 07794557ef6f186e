import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Net } from '../net/index.ts';

/** Milliseconds until an answer's headers, and between two parts of its body. */
const requestTimeoutMs = 30_000;

/** Names of undici's errors that the SDK's retry strategy does not know, by names that it does. */
const retryable: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'TimeoutError',
  UND_ERR_HEADERS_TIMEOUT: 'TimeoutError',
  UND_ERR_BODY_TIMEOUT: 'TimeoutError',
  UND_ERR_SOCKET: 'TimeoutError',
};

/** The part of the SDK's request that is used here. */
interface HttpRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface HandlerOptions {
  readonly abortSignal?: unknown;
}

/**
 * Carries the SDK's requests over our own way out to the network, so that proxies and authorities hold for them
 * as for everything else. Knows to which host a failed request went, which the SDK's errors do not tell.
 */
export class NetHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #net: Net;
  readonly #hosts = new WeakMap<Error, string>();

  constructor(net: Net) {
    this.#net = net;
  }

  /** The host that a request to which `error` happened was meant for. */
  hostOf(error: unknown): string | undefined {
    return error instanceof Error ? this.#hosts.get(error) : undefined;
  }

  async handle(request: HttpRequest, { abortSignal }: HandlerOptions = {}) {
    const origin = `${request.protocol}//${request.hostname}${request.port ? `:${request.port}` : ''}`;
    try {
      const dispatcher = await this.#net.dispatcher();
      const answer = await dispatcher.request({
        origin,
        path: pathOf(request),
        method: request.method,
        headers: withoutHost(request.headers),
        body: request.body || null,
        headersTimeout: this.#net.timeoutMs(requestTimeoutMs),
        bodyTimeout: this.#net.timeoutMs(requestTimeoutMs),
        ...(abortSignal instanceof AbortSignal ? { signal: abortSignal } : {}),
      });
      const { statusCode } = answer;
      const headers = joined(answer.headers);
      const isText = headers['content-type']?.startsWith('text/html');
      const body = isText ? await unlessPage(answer.body, statusCode) : answer.body;
      return { response: { statusCode, headers, body } };
    } catch (error) {
      throw await this.#explained(error, origin);
    }
  }

  /** Only the SDK's own configuration calls these; connections belong to {@link Net}. */
  updateHttpClientConfig(): void {}
  httpHandlerConfigs(): object {
    return {};
  }
  destroy(): void {}

  async #explained(error: unknown, origin: string): Promise<unknown> {
    const untrusted = await this.#net.untrusted(error, origin);
    if (untrusted) return untrusted;
    if (error instanceof Error) {
      this.#hosts.set(error, new URL(origin).host);
      error.name = retryable[(error as NodeJS.ErrnoException).code ?? ''] ?? error.name;
    }
    return error;
  }
}

/**
 * AWS answers with XML or JSON. The SDK takes a web page, as a proxy or the login page of a network sends it, for an empty
 * result where it expects XML.
 */
async function unlessPage(body: Readable, httpStatusCode: number): Promise<Readable> {
  const content = await text(body);
  if (!/^\s*<(!doctype\s+html|html)/i.test(content)) return Readable.from([Buffer.from(content)]);
  throw Object.assign(new Error('the answer is a web page'), { $metadata: { httpStatusCode } });
}

function pathOf({ path, query = {} }: HttpRequest): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((one) => `${encodeURIComponent(key)}=${encodeURIComponent(one ?? '')}`),
  );
  return pairs.length > 0 ? `${path}?${pairs.join('&')}` : path;
}

/** undici makes the header itself, and takes no second one. */
function withoutHost(headers: HttpRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(host|content-length)$/i.test(name)),
  );
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
}
