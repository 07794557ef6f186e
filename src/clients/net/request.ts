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
  /** In place of {@link Net}'s own connections. */
  readonly dispatcher?: Dispatcher;
  /** Until the headers of the answer. */
  readonly headersTimeoutMs?: number;
  /** Between two parts of the body; default: `headersTimeoutMs`. */
  readonly bodyTimeoutMs?: number;
  /** For the whole request, body included. */
  readonly totalTimeoutMs?: number;
}

/** Any status is an answer. Its body must be read or dumped, or the connection cannot be used again. */
export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** Throws undici's errors; {@link toNetworkError} maps them. */
  readonly body: Readable & { dump(): Promise<void> };
  readonly header: (name: string) => string | undefined;
  /** @throws NetworkError */
  text(): Promise<string>;
}

/**
 * Sends one HTTP request: no retries, no redirects.
 * @throws NetworkError when there is no answer; the signal's reason when it is aborted
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
      // undici sends any async iterable, and with less work than a stream; its types name streams only.
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
