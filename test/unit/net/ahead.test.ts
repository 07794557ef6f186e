import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNet, type Net } from '../../../src/net/index.ts';
import { request } from '../../../src/net/undici.ts';

let net: Net;
let server: Server;
let connections: Socket[];
beforeEach(async () => {
  net = createNet();
  connections = [];
  server = createServer((_, response) => response.end('here'));
  server.on('connection', (socket) => connections.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  await net.close();
  server.closeAllConnections();
  server.close();
});

const address = () => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

async function text(): Promise<string> {
  const { body } = await request(address(), { dispatcher: await net.dispatcher() });
  return body.text();
}

test('a request takes the connection that was begun for it', async () => {
  net.ahead(address());
  await once(server, 'connection');
  expect(await text()).toBe('here');
  expect(connections).toHaveLength(1);
});

test('one that the other side shut meanwhile is not taken', async () => {
  net.ahead(address());
  await once(server, 'connection');
  connections[0]?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await text()).toBe('here');
  expect(connections).toHaveLength(2);
});

test('where nobody listens, the request is told so', async () => {
  const gone = address();
  server.close();
  await once(server, 'close');
  net.ahead(gone);
  const asked = request(gone, { dispatcher: await net.dispatcher() });
  await expect(asked).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('those that nobody took are shut in the end', async () => {
  net.ahead(address());
  net.ahead(address());
  while (connections.length < 2) await once(server, 'connection');
  const shut = connections.map((socket) => once(socket.resume(), 'close'));
  await net.close();
  await Promise.all(shut);
});
