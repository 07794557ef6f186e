import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SocksProxy {
  /** The address without a scheme. */
  readonly host: string;
  /** `HOST:PORT` of each requested connection. */
  readonly asked: string[];
  close(): Promise<void>;
}

/**
 * Starts a SOCKS5 proxy (RFC 1928) as `ssh -D` does: no login, and names are resolved here. Connections go to this
 * machine or to `to`.
 */
export async function startSocksProxy(to?: { host: string; port: number }): Promise<SocksProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]));
      socket.once('data', (request: Buffer) => {
        const length = request[4] ?? 0;
        const isName = request[3] === 3;
        const name = isName ? request.subarray(5, 5 + length).toString() : request.subarray(4, 8).join('.');
        const port = request.readUInt16BE(isName ? 5 + length : 8);
        asked.push(`${name}:${port}`);
        const upstream = connect(to ?? { host: 'localhost', port }, () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          upstream.pipe(socket).pipe(upstream);
        });
        sockets.add(upstream);
        upstream.on('error', () => socket.destroy());
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
