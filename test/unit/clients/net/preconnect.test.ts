import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { request } from 'undici';
import { CertificateAuthority } from '../../../../sandbox/certificates.ts';

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

it('gives a request the connection that was opened for it', async () => {
  net.preconnect(address());
  await once(server, 'connection');
  expect(await text()).toBe('here');
  expect(connections).toHaveLength(1);
});

it('opens another connection when the server closed the waiting one', async () => {
  net.preconnect(address());
  await once(server, 'connection');
  connections[0]?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await text()).toBe('here');
  expect(connections).toHaveLength(2);
});

it('lets the request report that the server refuses connections', async () => {
  const gone = address();
  server.close();
  await once(server, 'close');
  net.preconnect(gone);
  const asked = request(gone, { dispatcher: await net.dispatcher() });
  await expect(asked).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('closes unused connections with the net', async () => {
  net.preconnect(address());
  net.preconnect(address());
  while (connections.length < 2) await once(server, 'connection');
  const shut = connections.map((socket) => once(socket.resume(), 'close'));
  await net.close();
  await Promise.all(shut);
});

describe('over TLS', () => {
  const authority = new CertificateAuthority();
  const shown = { key: authority.serverKeyPem, cert: authority.issue('localhost') };
  let secured: ReturnType<typeof createTlsServer>;
  let handshakes: number;
  beforeEach(async () => {
    handshakes = 0;
    secured = createTlsServer(shown, (_, response) => response.end('secretly'));
    secured.on('secureConnection', () => (handshakes += 1));
    secured.on('tlsClientError', () => undefined);
    secured.listen(0, 'localhost');
    await once(secured, 'listening');
  });
  afterEach(() => {
    secured.closeAllConnections();
    secured.close();
  });
  const url = () => new URL(`https://localhost:${(secured.address() as AddressInfo).port}/`);

  async function textBy(one: Net): Promise<string> {
    try {
      one.preconnect(url());
      const { body } = await request(url(), { dispatcher: await one.dispatcher() });
      return await body.text();
    } finally {
      await one.close();
    }
  }

  it('gives a request the connection that was opened with the trusted authorities', async () => {
    expect(await textBy(createNet(authority.caPem))).toBe('secretly');
    expect(handshakes).toBe(1);
  });

  it('trusts an intermediate authority without its root, as Go does', async () => {
    expect(await textBy(createNet(shown.cert))).toBe('secretly');
  });

  it('lets the request report an untrusted issuer', async () => {
    const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    await expect(textBy(createNet(undefined, {}))).rejects.toMatchObject({ code });
  });
});
