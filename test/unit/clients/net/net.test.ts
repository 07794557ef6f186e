import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { request } from '../../../../src/clients/net/request.ts';
import { startSandbox, type Sandbox } from '../../../../sandbox/index.ts';
import { startSocksProxy } from '../../../support/socks-proxy.ts';

let sandbox: Sandbox;
const nets: Net[] = [];
const net = (ca?: string, env: Record<string, string> = { https_proxy: sandbox.proxyUrl }): Net => {
  const made = createNet(ca, env);
  nets.push(made);
  return made;
};

beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(async () => {
  await Promise.all(nets.splice(0).map((one) => one.close()));
  await sandbox.close();
});

const url = 'https://ghcr.io/v2/';

async function statusThrough(one: Net): Promise<number> {
  const answer = await request(one, url);
  await answer.text();
  return answer.status;
}

const failureThrough = (one: Net): Promise<unknown> =>
  statusThrough(one).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a network request', () => {
  it('uses the proxy of the environment and trusts a given authority', async () => {
    expect(await statusThrough(net(sandbox.caPem))).toBe(401);
  });

  it('trusts the authorities of NODE_EXTRA_CA_CERTS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-'));
    const file = join(folder, 'ca.pem');
    writeFileSync(file, sandbox.caPem);
    const env = { https_proxy: sandbox.proxyUrl, NODE_EXTRA_CA_CERTS: file };
    expect(await statusThrough(net(undefined, env))).toBe(401);
    rmSync(folder, { recursive: true });
  });

  it.each(['socks5', 'socks5h'])('uses a %s proxy, which resolves the names', async (scheme) => {
    const upstream = await listening(createServer((_, response) => response.end('through SOCKS')));
    const { port } = upstream.address() as AddressInfo;
    const socks = await startSocksProxy({ host: '127.0.0.1', port });
    const one = net(undefined, { http_proxy: `${scheme}://${socks.host}` });
    const answer = await request(one, 'http://registry.test/');
    expect(await answer.text()).toBe('through SOCKS');
    expect(socks.asked).toEqual(['registry.test:80']);
    await one.close();
    await socks.close();
    upstream.close();
  });

  it('bypasses the proxy for the hosts of NO_PROXY', async () => {
    const server = await listening(createServer((_, response) => response.end('direct')));
    const { port } = server.address() as AddressInfo;
    const one = net(undefined, { http_proxy: sandbox.proxyUrl, no_proxy: '127.0.0.0/8' });
    const answer = await request(one, `http://127.0.0.1:${port}/`);
    expect(await answer.text()).toBe('direct');
    server.close();
  });

  it('reuses connections: many consecutive requests share tunnels', async () => {
    let tunnels = 0;
    const { hostname, port } = new URL(sandbox.proxyUrl);
    const { connect } = await import('node:net');
    const counting = await listening(
      createServer().on('connect', (request, socket) => {
        tunnels += 1;
        const upstream = connect(Number(port), hostname, () => {
          upstream.write(`CONNECT ${request.url} HTTP/1.1\r\nhost: ${request.url}\r\n\r\n`);
          upstream.pipe(socket).pipe(upstream);
        });
        socket.on('error', () => upstream.destroy());
        upstream.on('error', () => socket.destroy());
      }),
    );
    const counted = net(sandbox.caPem, {
      https_proxy: `http://127.0.0.1:${(counting.address() as AddressInfo).port}`,
    });
    for (let index = 0; index < 20; index += 1) await statusThrough(counted);
    // The next request may start a moment before the connection of the last response is free.
    expect(tunnels).toBeLessThanOrEqual(2);
    await counted.close();
    counting.close();
  });

  it('fails with the issuer and NODE_EXTRA_CA_CERTS when a certificate is not trusted', async () => {
    const one = net();
    const error = await one.untrusted(await failureThrough(one), url);
    expect(error).toMatchObject({
      code: 'tls-untrusted',
      what: 'could not connect to ghcr.io',
      why: expect.stringMatching(/issued by .*[Ss]andbox/) as string,
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    });
  });

  it('does not report other failures as an untrusted certificate', async () => {
    const one = net(sandbox.caPem, { https_proxy: 'http://127.0.0.1:1' });
    expect(await one.untrusted(await failureThrough(one), url)).toBeUndefined();
  });
});

function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
