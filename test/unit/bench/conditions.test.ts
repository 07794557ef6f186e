import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Line } from '../../../bench/mirror/line.ts';
import type { LinkOptions } from '../../../bench/mirror/link.ts';
import { startLink, trafficOf } from '../../../bench/mirror/registry.ts';

let registry: Server;
let received: string[];
beforeEach(async () => {
  received = [];
  registry = createServer((req, res) => {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => (bytes += chunk.length));
    req.on('end', () => {
      received.push(`${req.method} ${req.url} ${bytes}`);
      res.writeHead(201, { location: '/next' });
      res.end('content');
    });
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
});
afterEach(async () => {
  registry.close();
  registry.closeAllConnections();
  await once(registry, 'close');
});

async function through<T>(
  conditions: Omit<LinkOptions, 'roundTripMs'>,
  work: (base: string, refused: () => string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'link-'));
  const { port } = registry.address() as AddressInfo;
  const link = await startLink(port, { roundTripMs: 0, ...conditions }, folder);
  try {
    const [listening = '', ...refused] = [...link.output().split('\n')];
    expect(refused).toEqual(['']);
    return await work(`http://127.0.0.1:${listening}`, () => link.output().trim().split('\n').slice(1));
  } finally {
    await link.stop();
  }
}

it('makes a mount an ordinary upload where mounts are refused, and forwards everything else', async () => {
  const mount = '/v2/app/blobs/uploads/?mount=sha256:1&from=base';
  const put = { method: 'PUT', body: 'x'.repeat(3_000_000) };
  const reply = await through({ refusesMounts: true }, async (base) => {
    await (await fetch(base + mount, { method: 'POST' })).text();
    const answer = await fetch(`${base}/v2/app/upload?digest=sha256:1`, put);
    return [answer.status, answer.headers.get('location'), await answer.text()];
  });
  expect(received).toEqual(['POST /v2/app/blobs/uploads/ 0', 'PUT /v2/app/upload?digest=sha256:1 3000000']);
  expect(reply).toEqual([201, '/next', 'content']);
  await through({}, (base) => fetch(base + mount, { method: 'POST' }));
  expect(received.at(-1)).toBe(`POST ${mount} 0`);
});

it('refuses the same requests with their bodies in each run, and reports them', async () => {
  const run = () =>
    through({ refusedShare: 0.2 }, async (base, refused) => {
      const statuses: number[] = [];
      for (let index = 0; index < 50; index += 1) {
        const reply = await fetch(`${base}/v2/upload`, { method: 'PUT', body: 'x'.repeat(200_000) });
        expect(await reply.text()).toContain(reply.status === 201 ? 'content' : 'TOOMANYREQUESTS');
        statuses.push(reply.status);
      }
      const count = statuses.filter((status) => status === 429).length;
      expect(refused()).toEqual(Array<string>(count).fill('"PUT /v2/upload HTTP/1.1" 429'));
      return statuses;
    });
  const first = await run();
  expect(new Set(first)).toEqual(new Set([201, 429]));
  expect(new Set(received)).toEqual(new Set(['PUT /v2/upload 200000']));
  expect(received).toHaveLength(first.filter((status) => status === 201).length);
  expect(await run()).toEqual(first);
});

it('drops the rest of a refused request, and serves the next one on the same connection', async () => {
  const head = (path: string, size: number) =>
    `PUT /v2/${path} HTTP/1.1\r\nHost: registry\r\nContent-Length: ${size}\r\n\r\n`;
  const text = await through({ refusedShare: 0.3 }, async (base) => {
    const client = connect(Number(new URL(base).port), '127.0.0.1');
    let replies = '';
    client.on('data', (chunk: Buffer) => (replies += chunk.toString()));
    const replied = async (end: string) => {
      while (!replies.endsWith(end)) await once(client, 'data');
    };
    client.write(`${head('refused', 30)}${'a'.repeat(10)}`);
    await replied('Rate exceeded"}]}');
    client.write('b'.repeat(10));
    await setTimeout(50);
    client.write(`${'c'.repeat(10)}${head('served', 40)}${'d'.repeat(20)}`);
    await setTimeout(50);
    // A body may have the text of a request.
    client.write('eGET /v2/ HTTP/1.1\r\n');
    await replied('content\r\n0\r\n\r\n');
    client.destroy();
    return replies;
  });
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 429', 'HTTP/1.1 201']);
  expect(received).toEqual(['PUT /v2/served 40']);
});

it('carries chunks one after the other, and saves nothing up while it is idle', () => {
  const line = new Line(1_000_000);
  expect([line.carriedAt(2000, 100), line.carriedAt(1000, 100), line.carriedAt(1000, 500)]).toEqual([
    102, 103, 501,
  ]);
  expect(new Line(Infinity).carriedAt(2000, 100)).toBe(100);
});

it('counts requests of every kind, and the bytes of blobs that were read', () => {
  const log = [
    '127.0.0.1 - - [29/Nov/2026:11:00:00 +0000] "GET /v2/a/blobs/sha256:1 HTTP/1.1" 200 40 "" "crane"',
    '127.0.0.1 - - [29/Nov/2026:11:00:00 +0000] "GET /v2/a/blobs/sha256:1 HTTP/1.1" 206 2 "" "crane"',
    '127.0.0.1 - - [29/Nov/2026:11:00:00 +0000] "GET /v2/a/blobs/sha256:2 HTTP/1.1" 404 157 "" "crane"',
    '127.0.0.1 - - [29/Nov/2026:11:00:00 +0000] "HEAD /v2/a/blobs/sha256:1 HTTP/1.1" 200 40 "" "crane"',
    '127.0.0.1 - - [29/Nov/2026:11:00:00 +0000] "GET /v2/a/manifests/1 HTTP/1.1" 200 500 "" "crane"',
    'time="2026-11-29T11:00:00Z" level=error msg="manifest unknown"',
  ];
  expect(trafficOf(log.join('\n'))).toEqual({ requests: 5, blobBytes: 42 });
});
