import type { Dispatcher } from 'undici';
import type { Readable } from 'node:stream';
import { BootstrapError } from '../../core/errors.ts';
import { toNetworkError } from './errors.ts';
import type { Net } from './index.ts';
import type { Reach } from './local.ts';

export interface RequestOptions extends Pick<
  Dispatcher.RequestOptions,
  'headers' | 'highWaterMark' | 'onInfo' | 'reset'
> {
  readonly method?: Dispatcher.HttpMethod;
  readonly body?: string | Uint8Array | AsyncIterable<Buffer> | null;
  readonly signal?: AbortSignal | undefined;
  /** Default: `anywhere`. */
  readonly reach?: Reach;
  /** Replaces the connections of {@link Net}. */
  readonly dispatcher?: Dispatcher;
  /** Timeout until the headers of the response. */
  readonly headersTimeoutMs?: number;
  /** Timeout between two parts of the body. Default: `headersTimeoutMs`. */
  readonly bodyTimeoutMs?: number;
  /** Timeout of the whole request, including the body. */
  readonly totalTimeoutMs?: number;
}

/** A response with any status. Its body must be read or dumped, or the connection cannot be reused. */
export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** Throws undici's errors, which {@link toNetworkError} maps. */
  readonly body: Readable & { dump(): Promise<void> };
  readonly header: (name: string) => string | undefined;
  /** @throws NetworkError */
  text(): Promise<string>;
}

/**
 * Sends one HTTP request: no retries, no redirects.
 * @throws NetworkError when there is no response; the signal's reason when it is aborted
 */
export async function request(net: Net, target: string | URL, options: RequestOptions = {}): Promise<Answer> {
  const url = new URL(target);
  const { reach, signal, headersTimeoutMs, bodyTimeoutMs = headersTimeoutMs, totalTimeoutMs } = options;
  const deadline =
    totalTimeoutMs === undefined ? undefined : AbortSignal.timeout(net.timeoutMs(totalTimeoutMs));
  const failure = (thrown: unknown): unknown => {
    if (signal?.aborted) return signal.reason;
    if (thrown instanceof BootstrapError) return thrown;
    const cause = deadline?.aborted ? timedOut(thrown) : thrown;
    return toNetworkError(cause, { url, ...(reach && { reach }) });
  };
  try {
    const dispatcher = options.dispatcher ?? (await net.dispatcher(reach));
    const { statusCode, headers, body } = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: options.method ?? 'GET',
      headers: options.headers ?? null,
      // undici accepts any async iterable, with less overhead than a stream. Its types allow only streams.
      body: (options.body as Readable | string | Uint8Array | null | undefined) || null,
      ...defined({
        highWaterMark: options.highWaterMark,
        onInfo: options.onInfo,
        reset: options.reset,
        headersTimeout: headersTimeoutMs && net.timeoutMs(headersTimeoutMs),
        bodyTimeout: bodyTimeoutMs && net.timeoutMs(bodyTimeoutMs),
        signal: signal && deadline ? AbortSignal.any([signal, deadline]) : (signal ?? deadline),
      }),
    });
    return {
      status: statusCode,
      headers,
      body,
      header: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      text: () =>
        body.text().catch((thrown: unknown) => {
          throw failure(thrown);
        }),
    };
  } catch (thrown) {
    throw failure(thrown);
  }
}

const timedOut = (cause: unknown): Error =>
  Object.assign(new Error('no answer in time', { cause }), { code: 'ETIMEDOUT' });

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

const defined = <T extends object>(options: T): Partial<Defined<T>> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
