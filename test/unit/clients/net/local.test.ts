import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { isLocalHost } from '../../../../src/clients/net/local.ts';
import { request } from '../../../../src/clients/net/request.ts';

/** The host as a connection sees it: a URL converts every spelling of an address to its canonical form. */
const hostIn = (text: string) => new URL(`https://${text}/`).hostname;

describe('a host', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '[::1]',
    '[::]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:a9fe:a9fe]',
    '[::ffff:0:127.0.0.1]',
    '[fe80::1]',
    '[febf::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[fd00:c1::a9fe:a9fe]',
    '[fd00:42::42]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::7f00:1]',
    '[64:ff9b:1:7f00:0:100::]',
    '[2002:7f00:1::]',
    '[2002:a9fe:a9fe::1]',
    '[2001:0:7f00:1::]',
    '[2001:0:102:304::80ff:fffe]',
    '[2a00:1::5efe:127.0.0.1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'registry.localhost',
    'localhost.localdomain',
    'metadata.google.internal',
    'metadata.goog',
  ])('%s is local', (text) => {
    expect(isLocalHost(hostIn(text))).toBe(true);
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.0.1',
    '1.0.0.1',
    '8.8.8.8',
    '[fd00::1]',
    '[fc00::1]',
    '[fec0::1]',
    '[2001:db8::1]',
    '[::ffff:10.0.0.1]',
    '[64:ff9b::10.0.0.1]',
    '[2002:a00:1::]',
    'docker.io',
    'localhost.example.com',
    'mylocalhost',
    '127.0.0.1.example.com',
  ])('%s is not local, judged by its text', (text) => {
    expect(isLocalHost(hostIn(text))).toBe(false);
  });
});

describe('a request that must stay remote', () => {
  let net: Net;
  let server: Server;
  let connections: number;
  beforeEach(async () => {
    net = createNet(undefined, {});
    connections = 0;
    server = createServer((_, response) => response.end('reached'));
    server.on('connection', () => (connections += 1));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await net.close();
    server.closeAllConnections();
    server.close();
  });

  const port = () => (server.address() as AddressInfo).port;
  const get = async (host: string, reach: 'anywhere' | 'remote') => {
    const answer = await request(net, `http://${host}:${port()}/`, { reach });
    return answer.text();
  };
  /** The next lookups of any name return these addresses; all later ones return the last. */
  const resolveTo = (...answers: readonly string[][]) => {
    const queue = [...answers];
    const lookup = (_host: string, _options: unknown, done: (error: null, found: unknown) => void) => {
      const addresses = (queue.length > 1 ? queue.shift() : queue[0]) ?? [];
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
  };

  it.each(['127.0.0.1', '127.1', '2130706433', '[::ffff:7f00:1]', 'localhost'])(
    'never connects to %s',
    async (host) => {
      await expect(get(host, 'remote')).rejects.toMatchObject({ code: 'ERR_LOCAL_ADDRESS' });
      expect(connections).toBe(0);
      if (!host.startsWith('[')) expect(await get(host, 'anywhere')).toBe('reached');
    },
  );

  it.each([['127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254'], ['fe80::1%eth0']])(
    'never connects to a name that resolves to %s',
    async (address) => {
      resolveTo([address]);
      await expect(get('tenant.example.com', 'remote')).rejects.toMatchObject({
        code: 'ERR_LOCAL_ADDRESS',
        message: `tenant.example.com resolves to ${address}, a local address`,
      });
      expect(connections).toBe(0);
    },
  );

  it('connects to the checked address, not to what the name resolves to afterwards', async () => {
    resolveTo(['192.0.2.1'], ['127.0.0.1']);
    const asked = get('rebinding.example.com', 'remote');
    const refused = expect(asked).rejects.toThrow();
    setTimeout(() => void net.close(), 300);
    await refused;
    expect(connections).toBe(0);
    expect(dns.lookup).toHaveBeenCalledTimes(1);
  });

  it('skips the local ones among several addresses', async () => {
    resolveTo(['127.0.0.1', '::1']);
    await expect(get('both.example.com', 'remote')).rejects.toMatchObject({ code: 'ERR_LOCAL_ADDRESS' });
    expect(connections).toBe(0);
  });

  it('does not reuse a connection of a request that may go anywhere', async () => {
    resolveTo(['127.0.0.1']);
    expect(await get('shared.example.com', 'anywhere')).toBe('reached');
    await expect(get('shared.example.com', 'remote')).rejects.toMatchObject({ code: 'ERR_LOCAL_ADDRESS' });
    expect(connections).toBe(1);
  });

  it.each(['169.254.169.254', '0x7f.1', 'localhost', 'registry.localhost'])(
    'sends no request for %s to a proxy',
    async (host) => {
      const proxied = createNet(undefined, { http_proxy: `http://127.0.0.1:${port()}` });
      await expect(request(proxied, `http://${host}/`, { reach: 'remote' })).rejects.toMatchObject({
        code: 'ERR_LOCAL_ADDRESS',
      });
      expect(connections).toBe(0);
      await proxied.close();
    },
  );
});
