import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/**
 * A far registry: `latency PORT MILLISECONDS` passes connections on to a port of loopback with that round trip and
 * writes the port that it listens on. Each direction takes half. A new connection takes one round trip more before its
 * first bytes, as the handshake of TCP does; the slow start of TCP and loss are not imitated.
 */
const [port, roundTrip] = process.argv.slice(2).map(Number);
if (port === undefined || roundTrip === undefined) throw new Error('usage: latency PORT MILLISECONDS');

/** Bytes on their way in one direction of one connection: enough for 1.6 GB/s at 40 ms. */
const window = 32 * 1024 * 1024;

const socketOptions = { noDelay: true, allowHalfOpen: true, highWaterMark: 1024 * 1024 };

const server = createServer(socketOptions, (client) => {
  const far = connect({ host: '127.0.0.1', port, ...socketOptions });
  delay(client, far, performance.now() + roundTrip);
  delay(far, client, 0);
});
server.listen(0, '127.0.0.1', 1024);
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);

/** Passes on what one side sends, each chunk when its time has come. @param open not before this time */
function delay(from: Socket, to: Socket, open: number): void {
  const queue: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  let queued = 0;
  let timer: NodeJS.Timeout | undefined;
  const deliver = (): void => {
    timer = undefined;
    for (let next = queue[0]; next && next.due <= performance.now(); next = queue[0]) {
      if (to.writableNeedDrain) break;
      queue.shift();
      queued -= next.chunk?.length ?? 0;
      if (next.chunk) to.write(next.chunk);
      else to.end();
    }
    if (queued < window) from.resume();
    schedule();
  };
  const schedule = (): void => {
    const [next] = queue;
    if (timer || !next || to.writableNeedDrain) return;
    timer = setTimeout(deliver, Math.max(0, next.due - performance.now()));
  };
  const enqueue = (chunk: Buffer | undefined): void => {
    queue.push({ due: Math.max(performance.now(), open) + roundTrip! / 2, chunk });
    queued += chunk?.length ?? 0;
    if (queued >= window) from.pause();
    schedule();
  };
  from.on('data', enqueue);
  from.on('end', () => enqueue(undefined));
  to.on('drain', deliver);
  from.on('error', () => to.destroy());
  from.on('close', (hadError) => hadError && to.destroy());
}
