import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { Line } from './line.ts';

/** How the way to a registry differs from loopback. */
export interface LinkOptions {
  readonly roundTripMs: number;
  /** What all connections carry together from the registry. */
  readonly bytesPerSecond?: number | undefined;
  readonly refusesMounts?: boolean | undefined;
  readonly refusedShare?: number | undefined;
}

/**
 * Makes a registry on loopback seem far away, slow or busy: `link PORT OPTIONS`, with {@link LinkOptions} as JSON,
 * forwards connections to the port. It prints the port that it listens on, then each request that it refuses. Each
 * direction takes half of the round trip. A new connection waits one round trip more, as for the handshake of TCP. Slow
 * start and packet loss are not imitated.
 */
const [port, json] = process.argv.slice(2);
if (port === undefined || json === undefined) throw new Error('usage: link PORT OPTIONS');
const {
  roundTripMs,
  bytesPerSecond = Infinity,
  refusesMounts = false,
  refusedShare = 0,
} = JSON.parse(json) as LinkOptions;

const [inward, outward] = [new Line(Infinity), new Line(bytesPerSecond)];

/** Bytes in flight in one direction of one connection: enough for 1.6 GB/s at 40 ms. A slow line has short queues. */
const windowBytes = bytesPerSecond === Infinity ? 32 * 1024 * 1024 : 1024 * 1024;
const chunkBytes = bytesPerSecond === Infinity ? 1024 * 1024 : 64 * 1024;
const socketOptions = { noDelay: true, allowHalfOpen: true, highWaterMark: chunkBytes };

const isPlain = !refusesMounts && refusedShare === 0;
let randomState = 12_345;

const server = createServer(socketOptions, (client) => {
  const far = connect({ host: '127.0.0.1', port: Number(port), ...socketOptions });
  const openAt = performance.now() + roundTripMs;
  const send = forward(far, client, outward, openAt);
  forward(client, far, inward, openAt, isPlain ? undefined : accepting(() => send(refusal, roundTripMs)));
});
server.listen(0, '127.0.0.1', 1024);
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);

type Send = (chunk: Buffer | undefined, delayMs?: number) => void;

/**
 * Forwards each chunk half a round trip after it arrives, and when the line has carried it. Each connection waits for
 * the line with one chunk, so they share it evenly.
 * @param openAt when the connection is open; nothing passes before
 * @param accepted what of a chunk passes
 * @returns a function that sends to the same socket
 */
function forward(
  from: Socket,
  to: Socket,
  line: Line,
  openAt: number,
  accepted = (chunk: Buffer): Buffer | undefined => chunk,
): Send {
  const queue: { due: number; readonly chunk: Buffer | undefined }[] = [];
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
      occupyLine();
    }
    if (queuedBytes < windowBytes) from.resume();
    schedule();
  };
  const occupyLine = (): void => {
    const [next] = queue;
    if (next?.chunk) next.due = Math.max(next.due, line.carriedAt(next.chunk.length, performance.now()));
  };
  const schedule = (): void => {
    const [next] = queue;
    if (timer || !next || to.writableNeedDrain) return;
    timer = setTimeout(deliver, Math.max(0, next.due - performance.now()));
  };
  const enqueue: Send = (chunk, delayMs = roundTripMs / 2) => {
    queue.push({ due: Math.max(performance.now(), openAt) + delayMs, chunk });
    if (queue.length === 1) occupyLine();
    queuedBytes += chunk?.length ?? 0;
    if (queuedBytes >= windowBytes) from.pause();
    schedule();
  };
  from.on('data', (chunk) => {
    const passed = accepted(chunk);
    if (passed) enqueue(passed);
  });
  from.on('end', () => enqueue(undefined));
  to.on('drain', deliver);
  from.on('error', () => to.destroy());
  from.on('close', (hadError) => hadError && to.destroy());
  return enqueue;
}

const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}';
const refusal = Buffer.from(
  `HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);

/** Numbers from 0 to 1, the same in each run. */
const random = (): number => (randomState = (randomState * 48_271) % 2_147_483_647) / 2_147_483_647;

/**
 * Refuses requests as ECR does. A client sends a request after the reply to the one before, so it begins with a chunk.
 * Only the rest of a refused request may be in the same chunk.
 */
function accepting(refuse: () => void): (chunk: Buffer) => Buffer | undefined {
  let isRefused = false;
  return (chunk) => {
    const text = chunk.toString('latin1', 0, isRefused ? chunk.length : 4096);
    const found = /[A-Z]+ \/v2\/\S* HTTP\/1\.1\r\n/.exec(text);
    if (!found || (found.index > 0 && !isRefused)) return isRefused ? undefined : chunk;
    isRefused = random() < refusedShare;
    if (isRefused) {
      process.stdout.write(`"${found[0].trim()}" 429\n`);
      refuse();
      return undefined;
    }
    const { index, 0: line } = found;
    if (!refusesMounts || !line.includes('mount=')) return chunk.subarray(index);
    // The registry then starts an upload.
    const upload = Buffer.from(line.replace(/\?\S*/, ''));
    return Buffer.concat([upload, chunk.subarray(index + line.length)]);
  };
}
