import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/**
 * Makes a registry on loopback seem far away: `latency PORT MILLISECONDS` forwards connections to the port with that
 * round trip and prints the port that it listens on. Each direction takes half of the round trip. A new connection waits
 * one round trip more, as for the handshake of TCP. Slow start and packet loss are not imitated.
 */
const [port, roundTripMs] = process.argv.slice(2).map(Number);
if (port === undefined || roundTripMs === undefined) throw new Error('usage: latency PORT MILLISECONDS');

/** Bytes in flight in one direction of one connection: enough for 1.6 GB/s at 40 ms. */
const windowBytes = 32 * 1024 * 1024;

const socketOptions = { noDelay: true, allowHalfOpen: true, highWaterMark: 1024 * 1024 };

const server = createServer(socketOptions, (client) => {
  const far = connect({ host: '127.0.0.1', port, ...socketOptions });
  delay(client, far, performance.now() + roundTripMs);
  delay(far, client, 0);
});
server.listen(0, '127.0.0.1', 1024);
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);

/** Forwards each chunk half a round trip after it arrives. @param openAt when the connection is open; nothing passes before */
function delay(from: Socket, to: Socket, openAt: number): void {
  const queue: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  let queuedBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const deliver = (): void => {
    timer = undefined;
    for (let next = queue[0]; next && next.due <= performance.now(); next = queue[0]) {
      if (to.writableNeedDrain) break;
      queue.shift();
      queuedBytes -= next.chunk?.length ?? 0;
      if (next.chunk) to.write(next.chunk);
      else to.end();
    }
    if (queuedBytes < windowBytes) from.resume();
    schedule();
  };
  const schedule = (): void => {
    const [next] = queue;
    if (timer || !next || to.writableNeedDrain) return;
    timer = setTimeout(deliver, Math.max(0, next.due - performance.now()));
  };
  const enqueue = (chunk: Buffer | undefined): void => {
    queue.push({ due: Math.max(performance.now(), openAt) + roundTripMs! / 2, chunk });
    queuedBytes += chunk?.length ?? 0;
    if (queuedBytes >= windowBytes) from.pause();
    schedule();
  };
  from.on('data', enqueue);
  from.on('end', () => enqueue(undefined));
  to.on('drain', deliver);
  from.on('error', () => to.destroy());
  from.on('close', (hadError) => hadError && to.destroy());
}
