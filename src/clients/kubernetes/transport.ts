import type { Agent } from 'node:http';
import pLimit from 'p-limit';
import type { Clock } from '../../core/clock.ts';
import type { Net } from '../net/index.ts';
import { NetworkError } from '../net/errors.ts';
import { request } from '../net/request.ts';
import { openConnections, tlsOptions } from './connection.ts';
import { type ClientCredentials, credentialsOf, certificateExpiry, hasLogin } from './credentials.ts';
import {
  LoginRefused,
  noLogin,
  notTheApi,
  refused,
  statusOf,
  unreachable,
  serverNameMismatch,
} from './errors.ts';
import { decodeObject, protobufType, statusFields } from './protobuf.ts';
import { chooseContext, type KubeconfigChoice, type KubeContext } from './kubeconfig.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Includes the query. */
  readonly path: string;
  /** For people: `apply Secret shop/puller`. */
  readonly what: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** The request can safely be repeated when its response was lost. */
  readonly repeatable: boolean;
}

export interface ApiResponse {
  readonly status: number;
  readonly body: string;
  /** A list in {@link protobufType}, if the request accepts that and the server has it. The body is empty then. */
  readonly protobuf?: Buffer;
  /** The target of a redirect. */
  readonly location?: string;
  /** The warning headers. */
  readonly warning?: string;
}

export interface TransportOptions extends KubeconfigChoice {
  readonly net: Net;
  readonly clock: Clock;
}

/** For responses that are not objects of the API. */
export const anyMediaType = '*/*';

const maxAttempts = 5;
const firstPauseMs = 200;
const maxPauseMs = 30_000;
/**
 * Concurrent requests to one API server. Each needs a connection of its own, and its TLS handshake costs both sides more than
 * a small response. The limits of the server's priority and fairness queues are far higher.
 */
const requestConcurrency = 16;
/** Timeout of one request in milliseconds. The API server itself ends a request after 60 s. */
const requestTimeoutMs = 65_000;
/** Timeout of a credential plugin in milliseconds. A plugin may ask the user to log in elsewhere. */
const pluginTimeoutMs = 60_000;

interface Connection {
  readonly context: KubeContext;
  readonly credentials: ClientCredentials;
  readonly agent: Agent;
}

/** Sends requests to one API server. Manages connections, credentials and retries, and explains errors. */
export class ApiTransport {
  readonly #options: TransportOptions;
  #session: Promise<Connection> | undefined;
  /**
   * One for each session so far: requests of earlier sessions may still be in flight or wait for their next
   * attempt.
   */
  readonly #agents: Agent[] = [];
  readonly #limit = pLimit(requestConcurrency);
  readonly #closed = new AbortController();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async context(): Promise<KubeContext> {
    return (await this.#connected()).context;
  }

  /** Returns responses with a status below 300 or in `expected`. @throws BootstrapError for any other response */
  async send(request: ApiRequest, expected: readonly number[] = []): Promise<ApiResponse> {
    const opened = this.#connected();
    let session = await opened;
    let answer = await this.#sendPatiently(request, session);
    if (answer.status === 401 && isRenewable(session.context)) {
      // A plugin's token may expire during a long run. Requests that are rejected later use the same new session.
      this.#forget(opened);
      session = await this.#connected();
      answer = await this.#sendPatiently(request, session);
    }
    const { context, credentials } = session;
    const other = request.accept === anyMediaType ? undefined : otherThanApi(answer);
    if (other) throw notTheApi(context, other);
    if (answer.status < 300 || expected.includes(answer.status)) return answer;
    if (answer.status === 401) {
      if (!credentials.cert && !credentials.headers['Authorization'])
        throw noLogin(context.cluster.server, context);
      throw new LoginRefused(context.cluster.server, context.name, certificateExpiry(credentials));
    }
    throw refused(request.what, statusOf(answer.status, answer.body));
  }

  async close(): Promise<void> {
    // The run no longer waits for requests that are still in flight.
    this.#closed.abort(new Error('the connection was closed because the run ended'));
    this.#session = undefined;
    for (const agent of this.#agents.splice(0)) agent.destroy();
  }

  #connected(): Promise<Connection> {
    if (this.#session) return this.#session;
    const opened = this.#connect();
    this.#session = opened;
    opened.catch(() => this.#forget(opened));
    return opened;
  }

  /** Makes the next request open a new session, unless another request already opened one. */
  #forget(session: Promise<Connection>): void {
    if (this.#session === session) this.#session = undefined;
  }

  async #connect(): Promise<Connection> {
    const { net } = this.#options;
    const context = await chooseContext(this.#options);
    const credentials = await credentialsOf(context, {
      timeoutMs: net.timeoutMs(pluginTimeoutMs),
      signal: this.#closed.signal,
    });
    const tls = await tlsOptions(context, credentials, net);
    const agent = await openConnections(context, tls, net);
    if (this.#closed.signal.aborted) agent.destroy();
    else this.#agents.push(agent);
    return { context, credentials, agent };
  }

  async #sendPatiently(request: ApiRequest, session: Connection): Promise<ApiResponse> {
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt === maxAttempts;
      const result = await this.#attempt(request, session, last);
      if ('status' in result) return result;
      const pause = firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random());
      await this.#options.clock.sleep(Math.min(result.pause ?? pause, maxPauseMs), this.#closed.signal);
    }
  }

  /** Returns the response, or the pause before the next attempt. */
  async #attempt(
    request: ApiRequest,
    session: Connection,
    last: boolean,
  ): Promise<ApiResponse | { pause?: number }> {
    try {
      const { answer, retryAfter } = await this.#limit(exchange, request, session, this.#options.net);
      if (last || !isTransient(answer.status, request.repeatable)) return answer;
      return retryAfter === undefined ? {} : { pause: retryAfter * 1000 };
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      if (!last && request.repeatable && error.kind === 'reset') return {};
      const { cluster } = session.context;
      throw (
        serverNameMismatch(cluster, error) ?? (await unreachable(this.#options.net, cluster.server, error))
      );
    }
  }
}

/** Whether the credentials may change during a run. */
const isRenewable = ({ user, cluster }: KubeContext): boolean =>
  hasLogin(cluster) && Boolean(user?.exec ?? user?.authProvider ?? user?.tokenFile);

/** Describes a response that is not from a Kubernetes API. The API sends JSON, or plain text for unknown paths. */
function otherThanApi({ status, body, protobuf, location }: ApiResponse): string | undefined {
  if (protobuf) return undefined;
  if (status >= 300 && status < 400) return `a redirect to ${location ?? 'another place'} (HTTP ${status})`;
  const isPage = /^\s*</.test(body);
  if (status >= 300 ? status !== 404 || !isPage : /^\s*\{/.test(body)) return undefined;
  return `${isPage ? 'a web page' : 'something that is not JSON'} (HTTP ${status})`;
}

async function exchange(
  { method, path, body, contentType = 'application/json', accept = 'application/json' }: ApiRequest,
  { context, credentials, agent }: Connection,
  net: Net,
): Promise<{ answer: ApiResponse; retryAfter?: number }> {
  const response = await request(net, `${context.cluster.server}${path}`, {
    method,
    agent,
    totalTimeoutMs: requestTimeoutMs,
    headers: {
      ...credentials.headers,
      accept,
      // Pages of a list get a tenth of their size.
      'accept-encoding': 'gzip',
      'user-agent': 'ecr-bootstrap',
      'content-type': contentType,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const [location, warning] = [response.header('location'), response.header('warning')];
  const [type = ''] = response.header('content-type')?.split(';') ?? [];
  const answer = {
    status: response.status,
    ...(type.trim().toLowerCase() === protobufType
      ? inProtobuf(response.status, await response.bytes())
      : { body: await response.text() }),
    ...(location === undefined ? {} : { location }),
    ...(warning === undefined ? {} : { warning }),
  };
  const retryAfter = Number(response.header('retry-after'));
  return retryAfter > 0 ? { answer, retryAfter } : { answer };
}

/** Only lists are requested in protobuf. Errors become JSON, as those of all other requests. */
function inProtobuf(status: number, content: Buffer): Pick<ApiResponse, 'body' | 'protobuf'> {
  if (status < 300) return { body: '', protobuf: content };
  try {
    return { body: JSON.stringify(decodeObject(content, statusFields)) };
  } catch {
    // The status says enough.
    return { body: '' };
  }
}

/** The server sends 429 before it does anything, so every request can be repeated after it. */
const isTransient = (status: number, repeatable: boolean): boolean =>
  status === 429 || (repeatable && [500, 502, 503, 504].includes(status));
