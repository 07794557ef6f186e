import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { isLocalHost, type Reach, remoteLookup } from './local.ts';

/** Servers shut connections on which nothing happens, the hasty ones after five seconds. Milliseconds. */
const usableFor = 4_000;
const patience = 5_000;
/** As many as requests may be under way at one host. */
const mostWaiting = 64;

/** As undici sets up its own; the types do not know the first. */
const plainOptions = { highWaterMark: 64 * 1024 };
const probeAfter = 60_000;

interface Begun {
  readonly socket: Socket;
  readonly since: number;
  /** False when nobody could be reached; whoever connects in the usual way then is told why. */
  readonly isOpen: Promise<boolean>;
}

/**
 * Connections that are begun before there are requests for them: the round trips of TCP and TLS pass while something
 * else is waited for, or while undici is still being loaded, which is why they are not made by it.
 */
export class Ahead {
  readonly #tls: () => { readonly secureContext?: SecureContext };
  readonly #reach: Reach;
  readonly #waiting = new Map<string, Begun[]>();

  /** @param tls is asked for with the first connection */
  constructor(tls: () => { readonly secureContext?: SecureContext }, reach: Reach) {
    this.#tls = tls;
    this.#reach = reach;
  }

  begin(url: URL): void {
    // The request for it fails and says why.
    if (this.#reach === 'remote' && isLocalHost(url.hostname)) return;
    const waiting = this.#waiting.get(url.origin) ?? [];
    this.#waiting.set(url.origin, waiting);
    if (waiting.length < mostWaiting) waiting.push(this.#connect(url));
  }

  /** One that is open or about to be; undefined when there is none that is fresh. @param origin as URLs have it */
  async take(origin: string): Promise<Socket | undefined> {
    const waiting = this.#waiting.get(origin) ?? [];
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { socket, since, isOpen } = next;
      socket.ref();
      const isFresh = performance.now() - since < usableFor;
      if (isFresh && (await isOpen) && !socket.destroyed) return socket;
      socket.destroy();
    }
    return undefined;
  }

  close(): void {
    for (const { socket } of [...this.#waiting.values()].flat()) socket.destroy();
    this.#waiting.clear();
  }

  #connect({ protocol, hostname, port }: URL): Begun {
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
    socket.setKeepAlive(true, probeAfter).setNoDelay(true).unref();
    const isOpen = new Promise<boolean>((resolve) => {
      const end = (answer: boolean) => {
        clearTimeout(timer);
        resolve(answer);
      };
      const timer = setTimeout(() => socket.destroy(), patience);
      timer.unref();
      socket.once(isTls ? 'secureConnect' : 'connect', () => end(true));
      socket.once('close', () => end(false));
      // It may also fail while it waits; whoever takes it finds it destroyed.
      socket.on('error', () => undefined);
    });
    return { socket, since: performance.now(), isOpen };
  }
}
