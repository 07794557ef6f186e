import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import { connect, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { onAbort } from '../../core/abort.ts';
import { connectTimedOut, ProxyRefusal } from './errors.ts';
import { bareHost } from './proxy.ts';

export interface Tunnel {
  readonly proxy: URL;
  readonly host: string;
  readonly port: number;
  /** For the connection to an https proxy. */
  readonly tls?: { readonly secureContext?: SecureContext };
  /** Timeout until the tunnel is open, which includes the proxy's own connection to the server. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Opens a connection to a server through a proxy. As in Go, a SOCKS5 proxy resolves names itself, with either scheme. */
export async function openTunnel(tunnel: Tunnel): Promise<Socket> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(connectTimedOut()), tunnel.timeoutMs);
  const signal = tunnel.signal ? AbortSignal.any([tunnel.signal, timeout.signal]) : timeout.signal;
  try {
    return await (tunnel.proxy.protocol.startsWith('socks')
      ? throughSocks(tunnel, signal)
      : throughHttp(tunnel, signal));
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function throughHttp({ proxy, host, port, tls }: Tunnel, signal: AbortSignal): Promise<Socket> {
  const isTls = proxy.protocol === 'https:';
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const request = (isTls ? https : http).request({
    ...(isTls && tls),
    agent: false,
    host: bareHost(proxy),
    port: proxy.port || (isTls ? 443 : 80),
    method: 'CONNECT',
    path: authority,
    signal,
    headers: {
      host: authority,
      connection: 'keep-alive',
      ...(proxy.username && {
        'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}`,
      }),
    },
  });
  request.end();
  const [response, socket, head] = (await once(request, 'connect')) as [http.IncomingMessage, Socket, Buffer];
  if (response.statusCode !== 200) {
    socket.destroy();
    throw new ProxyRefusal(response.statusCode ?? 0);
  }
  if (head.length > 0) socket.unshift(head);
  return socket;
}

async function throughSocks({ proxy, host, port }: Tunnel, signal: AbortSignal): Promise<Socket> {
  const { SocksClient } = await import('socks');
  const proxyPort = Number(proxy.port || 1080);
  const socket = connect({ host: bareHost(proxy), port: proxyPort, noDelay: true });
  const abort = (): void => void socket.destroy(signal.reason as Error);
  const removeListener = onAbort(signal, abort);
  try {
    // Connected here, because the library would lose the code of a connection's error.
    await once(socket, 'connect');
    await SocksClient.createConnection({
      command: 'connect',
      destination: { host, port },
      existing_socket: socket,
      proxy: {
        host: bareHost(proxy),
        port: proxyPort,
        type: 5,
        userId: decodeURIComponent(proxy.username),
        password: decodeURIComponent(proxy.password),
      },
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    removeListener();
  }
}
