import { createServer as createProxy, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CertificateAuthority } from './certificates.ts';
import { json, listener, type Listener } from './http.ts';

/** Handlers by host name, which includes a port other than 443: `cluster.sandbox:6443`. */
export type Hosts = Map<string, Listener>;

/** An address without the proxy, for clients whose resolver returns this address for the real names. */
export interface DirectAddress {
  readonly address: string;
  readonly port: number;
  /** PEM; the certificate must cover the names. */
  readonly key: string;
  readonly certificate: string;
}

/** Of all sandboxes of this process, so that their clients can share what they know about it. */
const authority = new CertificateAuthority();

const UNKNOWN_HOST = listener(() => json(421, { message: 'the sandbox does not have this host' }));
const withoutDefaultPort = (host: string) => host.toLowerCase().replace(/:443$/, '');

/**
 * The entry to the sandbox: an HTTP proxy on the loopback interface. As in an air-gapped network, it reaches only the
 * hosts of the sandbox, under their real names. It terminates TLS.
 */
export class Gateway {
  readonly hosts: Hosts;
  readonly caPem: string;
  /** TLS servers by host with port. Each has a certificate for its host, for any server name that a client requests. */
  readonly #tls = new Map<string, HttpsServer>();
  readonly #sockets = new Set<Duplex>();
  readonly #servers: NetServer[] = [];
  readonly #proxy: HttpServer;

  constructor(hosts: Hosts) {
    this.hosts = hosts;
    this.caPem = authority.caPem;
    this.#proxy = createProxy((_, response) => response.writeHead(502).end('this proxy only does CONNECT\n'));
    this.#proxy.on('connect', (request, socket: Duplex, head: Buffer) => {
      const host = withoutDefaultPort(request.url ?? '');
      if (!this.hosts.has(host)) {
        socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
      this.#tlsOf(host).emit('connection', socket);
    });
  }

  /** Opens the proxy on a free port of the loopback interface. @returns its URL */
  async open(): Promise<string> {
    const { port } = await this.#listen(this.#proxy, '127.0.0.1', 0);
    return `http://127.0.0.1:${port}`;
  }

  /** Serves the same hosts over TLS at an address. */
  async serveAt({ address, port, key, certificate }: DirectAddress): Promise<AddressInfo> {
    return this.#listen(this.#routing(createTlsServer({ key, cert: certificate })), address, port);
  }

  /** Cuts every connection and stops listening. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((closed) => server.close(closed))));
  }

  #routing(server: HttpsServer): HttpsServer {
    server.keepAliveTimeout = 60_000;
    server.requestTimeout = 0;
    server.on('tlsClientError', (_, socket) => socket.destroy());
    return server.on('request', (request, response) => {
      const serve = this.hosts.get(withoutDefaultPort(request.headers.host ?? '')) ?? UNKNOWN_HOST;
      serve(request, response);
    });
  }

  #tlsOf(host: string): HttpsServer {
    let server = this.#tls.get(host);
    if (!server) {
      const cert = authority.issue(host.replace(/:\d+$/, ''));
      server = this.#routing(createTlsServer({ key: authority.serverKeyPem, cert }));
      this.#tls.set(host, server);
    }
    return server;
  }

  #track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A client that disconnects during a request is not an error of the sandbox.
    socket.on('error', () => socket.destroy());
  }

  async #listen(server: NetServer, address: string, port: number): Promise<AddressInfo> {
    server.on('connection', (socket: Socket) => this.#track(socket));
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(port, address, listening);
    });
    this.#servers.push(server);
    return server.address() as AddressInfo;
  }
}
