import { Readable } from 'node:stream';
import { NetworkError } from '../net/errors.ts';
import type { Net } from '../net/index.ts';
import { type HttpResponse, request } from '../net/request.ts';

/** Timeout until a response's headers, and between two parts of its body. In milliseconds. */
const requestTimeoutMs = 30_000;

/** The fields of the SDK's request that this handler uses. */
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

/** Sends the SDK's requests through {@link Net}, so that its proxies and authorities apply to them too. */
export class NetHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #net: Net;

  constructor(net: Net) {
    this.#net = net;
  }

  async handle(sent: HttpRequest, { abortSignal }: HandlerOptions = {}) {
    const origin = `${sent.protocol}//${sent.hostname}${sent.port ? `:${sent.port}` : ''}`;
    try {
      const answer = await request(this.#net, `${origin}${pathOf(sent)}`, {
        method: sent.method,
        headers: sent.headers,
        body: sent.body ?? null,
        headersTimeoutMs: requestTimeoutMs,
        signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
      });
      const { status: statusCode } = answer;
      const headers = joined(answer.headers);
      const isText = headers['content-type']?.startsWith('text/html');
      const body = isText ? await unlessPage(answer, new URL(origin)) : answer.body;
      return { response: { statusCode, headers, body } };
    } catch (error) {
      throw await this.#forSdk(error);
    }
  }

  /** Only the SDK's own configuration calls these; connections belong to {@link Net}. */
  updateHttpClientConfig(): void {}
  httpHandlerConfigs(): object {
    return {};
  }
  destroy(): void {}

  async #forSdk(error: unknown): Promise<unknown> {
    if (!(error instanceof NetworkError)) return error;
    const untrusted = await this.#net.untrusted(error, error.url.href);
    if (untrusted) return untrusted;
    // The SDK retries these failures, but does not know the codes of {@link Net} for them.
    if (error.code?.startsWith('ERR_') && ['connect-timeout', 'timeout', 'reset'].includes(error.kind)) {
      error.name = 'TimeoutError';
    }
    return error;
  }
}

/**
 * Detects the web page of a proxy or of a network's login page. AWS responds with XML or JSON. Where the SDK
 * expects XML, it reads a web page as an empty result.
 */
async function unlessPage(answer: HttpResponse, url: URL): Promise<Readable> {
  const content = await answer.text();
  if (!/^\s*<(!doctype\s+html|html)/i.test(content)) return Readable.from([Buffer.from(content)]);
  const page = {
    kind: 'web-page',
    reason: `HTTP ${answer.status} came from something that is not AWS`,
  } as const;
  throw Object.assign(new NetworkError(page, { url }), { $metadata: { httpStatusCode: answer.status } });
}

function pathOf({ path, query = {} }: HttpRequest): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((one) => `${encodeURIComponent(key)}=${encodeURIComponent(one ?? '')}`),
  );
  return pairs.length > 0 ? `${path}?${pairs.join('&')}` : path;
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
}
