import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import type { FaultKind } from './faults.ts';

/** A request to a handler. The body can be read once. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** Header names in lower case. Values of repeated headers are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer | Readable;
}

/** No response: the connection is cut, or stays open without a response. */
export type noResponse = 'cut' | 'silence';

/** Serves one host. */
export type Handler = (
  request: HttpRequest,
) => Promise<HttpResponse | noResponse> | HttpResponse | noResponse;

export function json(status: number, value: unknown, headers: HttpResponse['headers'] = {}): HttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

export async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Applies a fault to a request.
 * @param refusal the response of this protocol for `throttle`, `error` and `deny`
 * @param act performs the request
 */
export async function applyFault<T>(
  fault: FaultKind | undefined,
  refusal: (kind: 'throttle' | 'error' | 'deny') => T,
  act: () => T | Promise<T>,
): Promise<T | noResponse> {
  switch (fault) {
    case undefined:
      return act();
    case 'reset':
      return 'cut';
    case 'timeout':
      return 'silence';
    case 'lost':
      await act();
      return 'cut';
    default:
      return refusal(fault);
  }
}

/** A request listener of a Node.js server. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Returns a handler as a request listener of Node.js servers. */
export function listener(handler: Handler): Listener {
  return (request, response) => {
    serve(handler, request, response).catch((cause: unknown) => {
      // A client that disconnected needs no response. A bug of the sandbox must be visible.
      if (response.headersSent || response.destroyed) response.destroy();
      else
        response
          .writeHead(500)
          .end(`the sandbox failed: ${cause instanceof Error ? cause.stack : String(cause)}`);
    });
  };
}

async function serve(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const url = new URL(request.url ?? '/', `https://${request.headers.host ?? 'unknown'}`);
  const answer = await handler({ method: request.method ?? 'GET', url, headers, body: request });
  if (answer === 'silence') return;
  if (answer === 'cut') request.socket.destroy();
  else await write(answer, request, response);
}

async function write(
  { status, headers, body = '' }: HttpResponse,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const whole = typeof body === 'string' || Buffer.isBuffer(body);
  const lengthKnown = whole && status !== 204;
  response.writeHead(status, {
    ...(lengthKnown ? { 'content-length': Buffer.byteLength(body) } : {}),
    // An unread upload would be parsed as the next request on this connection.
    ...(request.complete || /^(GET|HEAD)$/.test(request.method ?? '') ? {} : { connection: 'close' }),
    ...headers,
  });
  if (request.method === 'HEAD') response.end();
  else if (whole) response.end(body);
  else await pipeline(body, response);
}
