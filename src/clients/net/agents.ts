import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { connectTimedOut } from './errors.ts';
import { isLocalHost, LocalAddressError, type AllowedHosts, remoteLookup } from './local.ts';
import { openTunnel } from './tunnel.ts';

export interface TlsOptions {
  readonly secureContext?: SecureContext;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface AgentOptions {
  /** Undefined for direct connections. */
  readonly proxy: URL | undefined;
  /** For the connection to the server, directly or through the proxy. */
  readonly tls: TlsOptions;
  /** For the connection to an https proxy itself. */
  readonly proxyTls?: TlsOptions;
  /** For direct connections. */
  readonly lookup?: LookupFunction;
}

/** Timeout until a connection is open; once more for TLS in a tunnel. In milliseconds. */
const connectTimeoutMs = 10_000;
/** Timeout until a proxy has connected to the server, in milliseconds. */
const tunnelTimeoutMs = 60_000;
/** For how long an unused connection stays open. Servers close theirs after 5 s or more. In milliseconds. */
const idleTimeoutMs = 4_000;
/** The system's probes keep a waiting connection open in firewalls and gateways. In milliseconds. */
const keepAliveMsecs = 60_000;

/** Opens and keeps the connections of one protocol. */
export function openAgent(protocol: string, options: AgentOptions): http.Agent {
  return protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
}

const pool = { keepAlive: true, keepAliveMsecs, timeout: idleTimeoutMs } as const;

/** Takes a connection that `createConnection` does not return, or the error. */
type Done = (error: Error | null, socket: Duplex) => void;
/** Opens a direct connection, or starts to use a tunnel. */
type Connect = (tunnel?: Socket) => Socket;

class HttpAgent extends http.Agent {
  readonly #connections: Connections;

  constructor(options: AgentOptions) {
    super({ ...pool, ...(options.lookup && { lookup: options.lookup }) });
    this.#connections = new Connections(options);
  }

  override createConnection(options: http.ClientRequestArgs, done?: Done) {
    const connect: Connect = (tunnel) => tunnel ?? (super.createConnection(options) as Socket);
    return this.#connections.open(connect, options, done as Done);
  }

  override destroy(): void {
    this.#connections.close();
    super.destroy();
  }
}

class HttpsAgent extends https.Agent {
  readonly #connections: Connections;

  constructor(options: AgentOptions) {
    super({ ...pool, ...options.tls, ...(options.lookup && { lookup: options.lookup }) });
    this.#connections = new Connections(options);
  }

  override createConnection(options: https.RequestOptions, done?: Done) {
    const connect: Connect = (socket) =>
      super.createConnection({ ...options, ...(socket && { socket }) }) as Socket;
    return this.#connections.open(connect, options, done as Done);
  }

  override destroy(): void {
    this.#connections.close();
    super.destroy();
  }
}

/** Opens the connections of one agent. */
class Connections {
  readonly #proxy: URL | undefined;
  readonly #proxyTls: TlsOptions;
  readonly #closed = new AbortController();

  constructor({ proxy, proxyTls = {} }: AgentOptions) {
    this.#proxy = proxy;
    this.#proxyTls = proxyTls;
  }

  open(connect: Connect, { host, port }: http.ClientRequestArgs, done: Done): Socket | undefined {
    const { signal } = this.#closed;
    const fail = done as (error: Error) => void;
    if (signal.aborted) {
      fail(signal.reason as Error);
      return undefined;
    }
    if (!this.#proxy) return inTime(connect());
    openTunnel({
      proxy: this.#proxy,
      host: host ?? '',
      port: Number(port),
      tls: this.#proxyTls,
      timeoutMs: tunnelTimeoutMs,
      signal,
    })
      .then((tunnel) => done(null, inTime(connect(tunnel))))
      .catch(fail);
    return undefined;
  }

  /** Ends the attempts to open a tunnel, and prevents further connections. */
  close(): void {
    this.#closed.abort(new Error('the connection was closed because the run ended'));
  }
}

/** Limits the time until a connection is open. */
function inTime(socket: Socket): Socket {
  const isTls = socket instanceof TLSSocket;
  if (!isTls && !socket.connecting) return socket;
  const timer = setTimeout(() => socket.destroy(connectTimedOut()), connectTimeoutMs);
  const stop = (): void => clearTimeout(timer);
  return socket.once(isTls ? 'secureConnect' : 'connect', stop).once('close', stop);
}

/** The agents of {@link Net} for one reach: each origin has its own, for the proxy that `proxyFor` returns. */
export class OriginAgents {
  readonly #proxyFor: (url: string) => URL | undefined;
  readonly #tls: TlsOptions;
  readonly #reach: AllowedHosts;
  /** By origin. Reading the environment for each request would take a tenth of its time. */
  readonly #agents = new Map<string, http.Agent>();

  /** @param reach behind a proxy, which resolves names itself, only the text of the host is checked */
  constructor(proxyFor: (url: string) => URL | undefined, tls: TlsOptions, reach: AllowedHosts) {
    this.#proxyFor = proxyFor;
    this.#tls = tls;
    this.#reach = reach;
  }

  for(url: URL): http.Agent {
    const known = this.#agents.get(url.origin);
    if (known) return known;
    if (this.#reach === 'remote' && isLocalHost(url.hostname)) throw new LocalAddressError(url.hostname);
    const agent = openAgent(url.protocol, {
      proxy: this.#proxyFor(url.origin),
      tls: this.#tls,
      proxyTls: this.#tls,
      ...(this.#reach === 'remote' && { lookup: remoteLookup }),
    });
    this.#agents.set(url.origin, agent);
    return agent;
  }

  destroy(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }
}
