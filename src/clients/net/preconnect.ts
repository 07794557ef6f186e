import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { isLocalHost, type Reach, remoteLookup } from './local.ts';

/** Servers close idle connections, some after five seconds. */
const maxIdleMs = 4_000;
const connectTimeoutMs = 5_000;
/** The most requests that may be in flight at one host. */
const maxPerHost = 64;

const keepAliveDelayMs = 60_000;
/** As undici opens its own sockets; Node's types lack the option. */
const plainOptions = { highWaterMark: 64 * 1024 };

interface OpenedSocket {
  readonly socket: Socket;
  readonly openedAt: number;
  /** False when the connection failed. The request then connects in the usual way and reports why. */
  readonly isOpen: Promise<boolean>;
}

/**
 * Opens connections before the requests that use them. The round trips of TCP and TLS then overlap with loading undici,
 * so undici cannot open them. Without it, a mirror run with nothing new takes 12 % (set A of the benchmark) to 17 %
 * (set D) longer at 40 ms.
 */
export class Preconnect {
  readonly #tls: () => { readonly secureContext?: SecureContext };
  readonly #reach: Reach;
  readonly #waiting = new Map<string, OpenedSocket[]>();

  /** @param tls is called for the first connection */
  constructor(tls: () => { readonly secureContext?: SecureContext }, reach: Reach) {
    this.#tls = tls;
    this.#reach = reach;
  }

  /** Opens one connection for the next request to the origin of `url`. */
  open(url: URL): void {
    // The request itself fails and reports why.
    if (this.#reach === 'remote' && isLocalHost(url.hostname)) return;
    const waiting = this.#waiting.get(url.origin) ?? [];
    this.#waiting.set(url.origin, waiting);
    if (waiting.length < maxPerHost) waiting.push(this.#connect(url));
  }

  /** A connection that is open or about to be; undefined without a fresh one. @param origin as in `URL.origin` */
  async take(origin: string): Promise<Socket | undefined> {
    const waiting = this.#waiting.get(origin) ?? [];
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { socket, openedAt, isOpen } = next;
      socket.ref();
      const isFresh = performance.now() - openedAt < maxIdleMs;
      if (isFresh && (await isOpen) && !socket.destroyed) return socket;
      socket.destroy();
    }
    return undefined;
  }

  close(): void {
    for (const { socket } of [...this.#waiting.values()].flat()) socket.destroy();
    this.#waiting.clear();
  }

  #connect({ protocol, hostname, port }: URL): OpenedSocket {
    const host = hostname.replace(/^\[|\]$/g, '');
    const isTls = protocol === 'https:';
    const lookup = this.#reach === 'remote' && { lookup: remoteLookup };
    const socket = isTls
      ? connectTls({
          ...{ host, port: Number(port || 443), ...this.#tls(), ALPNProtocols: ['http/1.1'] },
          ...(isIP(host) === 0 && { servername: host }),
          ...lookup,
        })
      : connectPlain({ host, port: Number(port || 80), ...plainOptions, ...lookup });
    socket.setKeepAlive(true, keepAliveDelayMs).setNoDelay(true).unref();
    const isOpen = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), connectTimeoutMs).unref();
      const settle = (answer: boolean) => {
        clearTimeout(timer);
        resolve(answer);
      };
      socket.once(isTls ? 'secureConnect' : 'connect', () => settle(true));
      socket.once('close', () => settle(false));
      // The connection may also fail while it waits; take() then finds it destroyed.
      socket.on('error', () => undefined);
    });
    return { socket, openedAt: performance.now(), isOpen };
  }
}
