import * as http from 'node:http';
import type {
  Agent,
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
} from 'node:http';
import * as https from 'node:https';
import { constants } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import pLimit from 'p-limit';
import { onAbort } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import { answerTimedOut, bodyTimedOut, toNetworkError } from './errors.ts';
import type { Net } from './index.ts';
import type { AllowedHosts } from './local.ts';
import { bareHost } from './proxy.ts';

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | AsyncIterable<Buffer> | null;
  readonly signal?: AbortSignal | undefined;
  /** Default: `anywhere`. */
  readonly reach?: AllowedHosts;
  /** Replaces the connections of {@link Net}. */
  readonly agent?: Agent;
  /** Called for each interim response (status 1xx). When it throws, the request fails with that error. */
  readonly onInfo?: () => void;
  /** Timeout until the headers of the response. */
  readonly headersTimeoutMs?: number;
  /** Timeout between two parts of the body. Default: `headersTimeoutMs`. */
  readonly bodyTimeoutMs?: number;
  /** Timeout of the whole request, including the body. */
  readonly totalTimeoutMs?: number;
}

/** A response with any status. Its body must be read or destroyed, or the connection stays open. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Throws Node's errors, which {@link toNetworkError} maps. */
  readonly body: IncomingMessage;
  readonly header: (name: string) => string | undefined;
  /** The whole body, also if it is compressed by gzip. @throws NetworkError */
  bytes(): Promise<Buffer>;
  /** The whole body as text, also if it is compressed by gzip. @throws NetworkError */
  text(): Promise<string>;
}

/**
 * Sends one HTTP request: no retries, no redirects.
 * @throws NetworkError when there is no response; the signal's reason when it is aborted
 */
export async function request(
  net: Net,
  target: string | URL,
  options: RequestOptions = {},
): Promise<HttpResponse> {
  const url = new URL(target);
  const { reach, signal, headersTimeoutMs, bodyTimeoutMs = headersTimeoutMs, totalTimeoutMs } = options;
  const deadline =
    totalTimeoutMs === undefined ? undefined : AbortSignal.timeout(net.timeoutMs(totalTimeoutMs));
  const failure = (thrown: unknown): unknown => {
    if (signal?.aborted) return signal.reason;
    if (thrown instanceof BootstrapError) return thrown;
    const cause = deadline?.aborted ? answerTimedOut(thrown) : thrown;
    return toNetworkError(cause, { url, ...(reach && { reach }) });
  };
  try {
    const agent = options.agent ?? (await net.agentFor(url, reach));
    const response = await exchange(url, {
      ...options,
      agent,
      signal: signal && deadline ? AbortSignal.any([signal, deadline]) : (signal ?? deadline),
      ...(headersTimeoutMs && { headersTimeoutMs: net.timeoutMs(headersTimeoutMs) }),
      ...(bodyTimeoutMs && { bodyTimeoutMs: net.timeoutMs(bodyTimeoutMs) }),
    });
    const { statusCode: status = 0, headers } = response;
    const bytes = () =>
      contentOf(response).catch((thrown: unknown) => {
        throw failure(thrown);
      });
    return {
      status,
      headers,
      body: response,
      header: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      bytes,
      text: async () => (await bytes()).toString(),
    };
  } catch (thrown) {
    throw failure(thrown);
  }
}

const unzip = promisify(gunzip);
/** A body that waits is a tenth as long as its text. */
const oneAtATime = pLimit(1);

/** Decodes the whole body at once, which takes a fraction of the time of a decoder of streams. */
async function contentOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (response.headers['content-encoding'] !== 'gzip') return body;
  // More would not fit into a text.
  const limits = { maxOutputLength: constants.MAX_STRING_LENGTH, chunkSize: 2 ** 18 };
  return oneAtATime(() => unzip(body, limits));
}

interface Exchange extends RequestOptions {
  readonly agent: Agent;
}

function exchange(url: URL, options: Exchange): Promise<IncomingMessage> {
  const {
    method = 'GET',
    headers = {},
    body,
    agent,
    signal,
    onInfo,
    headersTimeoutMs,
    bodyTimeoutMs,
  } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const sent = (url.protocol === 'https:' ? https : http).request({
      agent,
      method,
      protocol: url.protocol,
      host: bareHost(url),
      port: url.port,
      path: url.pathname + url.search,
      headers: headers as OutgoingHttpHeaders,
      ...(headersTimeoutMs && { timeout: headersTimeoutMs }),
    });
    let received: IncomingMessage | undefined;
    // Rejects at once, because Node reports the end of a request only when its connection is open.
    const fail = (reason: Error): void => {
      reject(reason);
      (received ?? sent).destroy(reason);
    };
    const abort = (): void => fail(signal?.reason as Error);
    const timeOut = (): void => fail(answerTimedOut());
    if (signal) sent.once('close', onAbort(signal, abort));
    sent.on('error', reject);
    if (headersTimeoutMs) sent.on('timeout', timeOut);
    if (onInfo) sent.on('information', () => attempt(onInfo, fail));
    sent.once('response', (response) => {
      received = response;
      sent.off('timeout', timeOut);
      // The reader gets the error too, if there is one.
      response.on('error', () => undefined);
      // The server has decided without the rest of the body, which would have to be sent before the next request.
      response.once('end', () => !sent.writableEnded && sent.destroy());
      if (bodyTimeoutMs) limitPauses(response, bodyTimeoutMs);
      resolve(response);
    });
    send(sent, body).catch(fail);
  });
}

function attempt(act: () => void, fail: (reason: Error) => void): void {
  try {
    act();
  } catch (thrown) {
    fail(thrown as Error);
  }
}

/** Ends a response when the server pauses for too long. The reader may pause: what has arrived then waits for it. */
function limitPauses(response: IncomingMessage, timeoutMs: number): void {
  const { socket } = response;
  /** The bytes that had arrived at the last check, if the reader waited for more. */
  let arrived: number | undefined;
  const check = (): void => {
    const isReaderWaiting = response.readableLength === 0;
    if (isReaderWaiting && socket.bytesRead === arrived) return void response.destroy(bodyTimedOut());
    arrived = isReaderWaiting ? socket.bytesRead : undefined;
    // Node does not repeat the event by itself.
    socket.setTimeout(timeoutMs / 2);
  };
  // Checked twice, because a reader that has just come back needs time too.
  socket.setTimeout(timeoutMs / 2);
  socket.on('timeout', check);
  response.once('close', () => socket.off('timeout', check));
}

async function send(sent: ClientRequest, body: RequestOptions['body']): Promise<void> {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
    // As bytes: Node would send a text and the headers before it in one encoding.
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes) sent.setHeader('content-length', bytes.length);
    sent.end(bytes ?? undefined);
    return;
  }
  const announced = sent.getHeader('content-length');
  let left = announced === undefined ? undefined : Number(announced);
  for await (const chunk of body) {
    if (sent.destroyed) return;
    if (left !== undefined) left -= chunk.length;
    // The server would take the rest for the next request.
    if (left !== undefined && left < 0) break;
    if (!sent.write(chunk)) await writable(sent);
  }
  if (left) throw new Error(`the body does not have the announced ${String(announced)} bytes`);
  sent.end();
}

/** Waits until more can be written, or until the request ends. */
function writable(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sent.off('drain', done).off('close', done);
      resolve();
    };
    sent.on('drain', done).on('close', done);
  });
}
