import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeSparse, piecesOf, type Sparse, tenGigabytes } from './sparse.ts';

/**
 * Two registries on loopback in their own process: `registries.ts COUNT SIZE BLOBS` serves images `app-0` to
 * `app-COUNT`, each with one of BLOBS blobs that are generated while they are sent. It discards uploads and refuses
 * mounts. SIZE 0 means the blob of ten gigabytes. Prints the addresses as a line of JSON, and answers each line on standard input with the
 * counts.
 */
const [count = 1, size = 0, layers = count] = process.argv.slice(2).map(Number);

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

const blobs = new Map<string, Sparse | Buffer>();
const manifests = new Map<string, Buffer>();
for (let number = 0; number < count; number += 1) {
  const layer = size === 0 ? tenGigabytes : makeSparse((number % layers) + 1, size);
  const config = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', author: String(number) }));
  blobs.set(layer.digest, layer).set(sha256(config), config);
  const descriptors = {
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: sha256(config),
      size: config.length,
    },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: layer.size }],
  };
  manifests.set(
    `app-${number}`,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, ...descriptors })),
  );
}

const kinds: Record<string, number> = {};
const report = {
  kinds,
  requests: 0,
  blobs: 0,
  bytes: 0,
  bytesRead: 0,
  tags: 0,
  uploadsAtOnce: 0,
  mismatches: 0,
};
let uploads = 0;

/** Counts a request under a name such as `PUT manifests`. */
function note({ method = '', url = '' }: IncomingMessage): void {
  const kind = `${method} ${/uploads|manifests|blobs/.exec(url.replace('blobs/uploads', 'uploads'))?.[0] ?? url}`;
  kinds[kind] = (kinds[kind] ?? 0) + 1;
  report.requests += 1;
}

const serveSource: RequestListener = (request, response) => {
  note(request);
  const [, name = '', kind, reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(request.url ?? '') ?? [];
  const content = kind === 'manifests' ? manifests.get(name) : blobs.get(reference);
  if (!content) return void response.writeHead(404).end();
  const isBytes = Buffer.isBuffer(content);
  if (kind === 'blobs') report.bytesRead += isBytes ? content.length : content.size;
  response.writeHead(200, {
    'content-length': isBytes ? content.length : content.size,
    ...(kind === 'manifests' && isBytes
      ? { 'content-type': manifestType, 'docker-content-digest': sha256(content) }
      : {}),
  });
  if (isBytes) response.end(content);
  else void pour(content, response);
};

async function pour(content: Sparse, response: ServerResponse): Promise<void> {
  for (const piece of piecesOf(content)) {
    if (response.destroyed) return;
    if (!response.write(piece)) await writable(response);
  }
  response.end();
}

/** Waits until more can be written, or until the response is closed. */
function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.once('drain', go).once('close', go);
  });
}

const serveTarget: RequestListener = (request, response) => {
  note(request);
  const url = new URL(request.url ?? '/', 'http://target');
  if (request.method === 'HEAD') return void response.writeHead(404).end();
  if (request.method === 'POST') {
    return void response.writeHead(202, { location: `${url.pathname}${report.requests}` }).end();
  }
  void swallow(request, response, url);
};

async function swallow(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const isBlob = url.pathname.includes('/uploads/');
  if (isBlob) report.uploadsAtOnce = Math.max(report.uploadsAtOnce, (uploads += 1));
  let bytes = 0;
  request.on('data', (piece: Buffer) => (bytes += piece.length));
  await once(request, 'end');
  if (isBlob) {
    uploads -= 1;
    const blob = blobs.get(url.searchParams.get('digest') ?? '');
    const expected = Buffer.isBuffer(blob) ? blob.length : blob?.size;
    if (expected !== bytes) report.mismatches += 1;
    report.blobs += 1;
    report.bytes += bytes;
  } else report.tags += 1;
  response.writeHead(201).end();
}

async function listen(serve: RequestListener): Promise<string> {
  // A request on a connection that the server closes would be sent again and counted twice.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const hosts = { source: await listen(serveSource), target: await listen(serveTarget) };
process.stdout.write(`${JSON.stringify(hosts)}\n`);
process.stdin.on('data', () => process.stdout.write(`${JSON.stringify(report)}\n`));
process.stdin.on('end', () => process.exit());
