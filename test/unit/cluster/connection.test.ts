import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createCluster } from '../../../src/cluster/index.ts';
import type { ClusterInfo } from '../../../src/cluster/port.ts';
import { createNet } from '../../../src/net/index.ts';
import { CertificateAuthority } from '../../../src/sandbox/certificates.ts';

const authority = new CertificateAuthority();
let folder: string;
let closing: (() => Promise<unknown>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connection-'));
  closing = [() => rm(folder, { recursive: true })];
});

afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  );
  return (server.address() as AddressInfo).port;
}

/** An API server that knows its version only, and what it was shown. */
async function startServer(host = 'localhost'): Promise<{ url: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer({ cert: authority.issue(host), key: authority.serverKeyPem }, (req, res) => {
    seen.push(req.headers);
    res.end(JSON.stringify({ gitVersion: 'v1.36.3' }));
  });
  return { url: `https://localhost:${await listen(server)}`, seen };
}

/** A proxy that opens tunnels to this machine, whatever name is asked for, and those names. */
async function startProxy(): Promise<{ url: string; tunnels: string[] }> {
  const tunnels: string[] = [];
  const proxy = createHttpServer();
  proxy.on('connect', (req, socket) => {
    tunnels.push(req.url ?? '');
    const port = (req.url ?? '').split(':').at(-1);
    const upstream = connect(Number(port), 'localhost', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    const end = (): void => {
      upstream.destroy();
      socket.destroy();
    };
    upstream.on('error', end);
    socket.on('error', end).on('close', end);
  });
  return { url: `http://127.0.0.1:${await listen(proxy)}`, tunnels };
}

const trusted = { 'certificate-authority-data': Buffer.from(authority.caPem).toString('base64') };

async function ask(cluster: object, user: object = {}, env: NodeJS.ProcessEnv = {}): Promise<ClusterInfo> {
  const kubeconfig = join(folder, 'config');
  const content = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(kubeconfig, JSON.stringify(content));
  const net = createNet(undefined, env);
  const port = createCluster({ kubeconfig, net, clock: systemClock });
  try {
    return await port.info();
  } finally {
    await port.close();
    await net.close();
  }
}

it("trusts the kubeconfig's authority", async () => {
  const { url: server } = await startServer();
  expect(await ask({ server, ...trusted })).toMatchObject({ server, version: 'v1.36.3' });
});

it('names the issuer of a certificate that it does not trust', async () => {
  const { url: server } = await startServer();
  await expect(ask({ server })).rejects.toMatchObject({
    code: 'tls-untrusted',
    why: expect.stringContaining('ecr-bootstrap sandbox') as string,
  });
});

it('honours tls-server-name', async () => {
  const { url: server } = await startServer('kubernetes.test');
  await expect(ask({ server, ...trusted })).rejects.toMatchObject({ code: 'tls-untrusted' });
  expect(await ask({ server, ...trusted, 'tls-server-name': 'kubernetes.test' })).toMatchObject({ server });
});

it('honours insecure-skip-tls-verify', async () => {
  const { url: server } = await startServer();
  expect(await ask({ server, 'insecure-skip-tls-verify': true })).toMatchObject({ server });
});

it('goes through proxy-url, which counts before HTTPS_PROXY', async () => {
  const { url: server } = await startServer();
  const [configured, ambient] = [await startProxy(), await startProxy()];
  const env = { HTTPS_PROXY: ambient.url };
  await ask({ server, ...trusted, 'proxy-url': configured.url }, {}, env);
  expect([configured.tunnels.length, ambient.tunnels.length]).toEqual([1, 0]);
});

it('goes through HTTPS_PROXY for a server elsewhere', async () => {
  const { url } = await startServer('kubernetes.test');
  const proxy = await startProxy();
  const server = url.replace('localhost', 'kubernetes.test');
  await ask({ server, ...trusted }, {}, { HTTPS_PROXY: proxy.url });
  expect(proxy.tunnels).toEqual([new URL(server).host]);
});

it.each([
  ['a token', { token: 'abc-abc-abc' }, 'Bearer abc-abc-abc'],
  ['a password', { username: 'me', password: 'secret-word' }, `Basic ${btoa('me:secret-word')}`],
])('shows %s', async (_, user, expected) => {
  const { url: server, seen } = await startServer();
  await ask({ server, ...trusted }, user);
  expect(seen[0]?.authorization).toBe(expected);
});

it('runs an exec plugin, telling it the version of the protocol', async () => {
  const { url: server, seen } = await startServer();
  const script = `
    const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    console.log(JSON.stringify({ apiVersion, kind, status: { token: 'from-the-plugin' } }));`;
  const apiVersion = 'client.authentication.k8s.io/v1';
  await ask(
    { server, ...trusted },
    { exec: { apiVersion, command: process.execPath, args: ['-e', script] } },
  );
  expect(seen[0]?.authorization).toBe('Bearer from-the-plugin');
});

it('says why an exec plugin failed', async () => {
  const { url: server } = await startServer();
  const args = ['-e', 'console.error("log in first"); process.exit(1)'];
  await expect(
    ask({ server, ...trusted }, { exec: { command: process.execPath, args } }),
  ).rejects.toMatchObject({
    code: 'cluster-unreachable',
    why: 'log in first',
  });
});

it('says that nobody listens there', async () => {
  await expect(ask({ server: 'https://localhost:1' })).rejects.toMatchObject({
    code: 'cluster-unreachable',
    what: 'reach the Kubernetes API at https://localhost:1',
    why: expect.stringContaining('refused') as string,
  });
});
