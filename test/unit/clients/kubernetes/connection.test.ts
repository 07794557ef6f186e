import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import { createCluster } from '../../../../src/clients/kubernetes/index.ts';
import type { ClusterInfo } from '../../../../src/clients/kubernetes/port.ts';
import { createNet } from '../../../../src/clients/net/index.ts';
import { CertificateAuthority } from '../../../../sandbox/certificates.ts';
import { startSocksProxy } from '../../../support/socks-proxy.ts';

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

/** An API server that serves only its version, and the headers that it received. */
async function startServer(
  host = 'localhost',
): Promise<{ url: string; seen: IncomingHttpHeaders[]; raw: string[][]; cert: string }> {
  const seen: IncomingHttpHeaders[] = [];
  const raw: string[][] = [];
  const cert = authority.issue(host);
  const server = createServer({ cert, key: authority.serverKeyPem }, (req, res) => {
    seen.push(req.headers);
    raw.push(req.rawHeaders);
    res.end(JSON.stringify({ gitVersion: 'v1.36.3' }));
  });
  return { url: `https://localhost:${await listen(server)}`, seen, raw, cert };
}

/** A proxy that opens every tunnel to this machine, and the requested names. */
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

it("trusts the kubeconfig's authority without its root, also after a damaged certificate", async () => {
  const { url: server, cert } = await startServer();
  const trusting = (pem: string) =>
    ask({ server, 'certificate-authority-data': Buffer.from(pem).toString('base64') });
  // Trusted without an issuer, like an intermediate authority.
  expect(await trusting(cert)).toMatchObject({ server });
  const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  expect(await trusting(`${damaged}${authority.caPem}`)).toMatchObject({ server });
});

it.each([
  ['a web page', 200, {}, '<html>Log in</html>', 'a web page (HTTP 200)'],
  ['a page in place of a 404', 404, {}, '<html>Not found</html>', 'a web page (HTTP 404)'],
  ['text', 200, {}, 'OK', 'something that is not JSON (HTTP 200)'],
  [
    'a redirect',
    302,
    { location: 'https://login.test/' },
    '',
    'a redirect to https://login.test/ (HTTP 302)',
  ],
])('reports that the response is not from the Kubernetes API: %s', async (_, status, headers, body, why) => {
  const server = createHttpServer((_request, response) => response.writeHead(status, headers).end(body));
  await expect(ask({ server: `http://localhost:${await listen(server)}` })).rejects.toMatchObject({
    code: 'cluster-unreachable',
    why: expect.stringContaining(why) as string,
    hint: expect.stringContaining('kubectl --context x get namespaces') as string,
  });
});

it('names the issuer of an untrusted certificate', async () => {
  const { url: server } = await startServer();
  await expect(ask({ server })).rejects.toMatchObject({
    code: 'tls-untrusted',
    why: expect.stringContaining('ecr-bootstrap sandbox') as string,
  });
});

it('honors tls-server-name', async () => {
  const { url: server } = await startServer('kubernetes.test');
  await expect(ask({ server, ...trusted })).rejects.toMatchObject({ code: 'tls-untrusted' });
  expect(await ask({ server, ...trusted, 'tls-server-name': 'kubernetes.test' })).toMatchObject({ server });
});

it('honors insecure-skip-tls-verify', async () => {
  const { url: server } = await startServer();
  expect(await ask({ server, 'insecure-skip-tls-verify': true })).toMatchObject({ server });
});

it('connects through proxy-url, which takes precedence over HTTPS_PROXY', async () => {
  const { url: server } = await startServer();
  const [configured, ambient] = [await startProxy(), await startProxy()];
  const env = { HTTPS_PROXY: ambient.url };
  await ask({ server, ...trusted, 'proxy-url': configured.url }, {}, env);
  expect([configured.tunnels.length, ambient.tunnels.length]).toEqual([1, 0]);
});

it.each(['proxy-url', 'HTTPS_PROXY'])('connects through a SOCKS5 proxy in %s', async (place) => {
  const { url } = await startServer('kubernetes.test');
  const server = url.replace('localhost', 'kubernetes.test');
  const socks = await startSocksProxy();
  closing.push(() => socks.close());
  const proxy = `socks5://${socks.host}`;
  const isConfigured = place === 'proxy-url';
  const cluster = { server, ...trusted, ...(isConfigured && { 'proxy-url': proxy }) };
  expect(await ask(cluster, {}, isConfigured ? {} : { HTTPS_PROXY: proxy })).toMatchObject({ server });
  expect(socks.asked).toEqual([new URL(server).host]);
});

it('connects through HTTPS_PROXY to a server that is not local', async () => {
  const { url } = await startServer('kubernetes.test');
  const proxy = await startProxy();
  const server = url.replace('localhost', 'kubernetes.test');
  await ask({ server, ...trusted }, {}, { HTTPS_PROXY: proxy.url });
  expect(proxy.tunnels).toEqual([new URL(server).host]);
});

it.each([
  ['a token', { token: 'abc-abc-abc' }, 'Bearer abc-abc-abc'],
  ['a password', { username: 'me', password: 'secret-word' }, `Basic ${btoa('me:secret-word')}`],
])('authenticates with %s', async (_, user, expected) => {
  const { url: server, seen } = await startServer();
  await ask({ server, ...trusted }, user);
  expect(seen[0]?.authorization).toBe(expected);
});

it('runs an exec plugin and passes the version of the protocol', async () => {
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

it('reports why an exec plugin failed', async () => {
  const { url: server } = await startServer();
  const args = ['-e', 'console.error("log in first"); process.exit(1)'];
  await expect(
    ask({ server, ...trusted }, { exec: { command: process.execPath, args } }),
  ).rejects.toMatchObject({
    code: 'cluster-unreachable',
    why: 'log in first',
  });
});

it('reports that the connection was refused', async () => {
  await expect(ask({ server: 'https://localhost:1' })).rejects.toMatchObject({
    code: 'cluster-unreachable',
    what: 'could not reach the Kubernetes API at https://localhost:1',
    why: expect.stringContaining('refused') as string,
  });
});

it('impersonates as kubectl does: user, uid, groups and extra values', async () => {
  const { url: server, seen } = await startServer();
  const user = { as: 'jane', 'as-uid': 'u-1', 'as-groups': ['ops', 'audit'] };
  const extra = { reason: ['change-7', 'urgent'], 'example.com/scope': ['all'] };
  await ask({ server, ...trusted }, { token: 'a-token-of-mine', ...user, 'as-user-extra': extra });
  expect(seen[0]).toMatchObject({
    authorization: 'Bearer a-token-of-mine',
    'impersonate-user': 'jane',
    'impersonate-uid': 'u-1',
    'impersonate-group': 'ops, audit',
    'impersonate-extra-reason': 'change-7, urgent',
    'impersonate-extra-example.com%2fscope': 'all',
  });
});

it('sends each impersonated group in a separate header, and text in UTF-8', async () => {
  const { url: server, raw } = await startServer();
  await ask(
    { server, ...trusted },
    { token: 'a-token-of-mine', as: 'jürgen', 'as-groups': ['ops', 'größe'] },
  );
  const [sent = []] = raw;
  const values = sent.flatMap((name, index) => (/^impersonate-/i.test(name) ? [sent[index + 1] ?? ''] : []));
  expect(values.map((value) => Buffer.from(value, 'latin1').toString())).toEqual(['jürgen', 'ops', 'größe']);
});

it.each([
  ['a line break in as', { token: 'a-token-of-mine', as: 'jane\r\nx: y' }, {}, 'Impersonate-User'],
  ['a token file of two lines', { tokenFile: 'token' }, { token: 'one\ntwo' }, 'Authorization'],
])('rejects %s, which is not valid in a header', async (_, user, files, name) => {
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  await expect(ask({ server: 'https://localhost:1' }, user)).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: `its ${name} header would contain a line break or another control character`,
  });
});

it('passes the cluster to a plugin when provideClusterInfo is set', async () => {
  const { url: server, seen } = await startServer();
  const script = `
    const { spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    const token = Buffer.from(JSON.stringify(spec.cluster ?? null)).toString('base64url');
    console.log(JSON.stringify({ status: { token } }));`;
  const exec = { command: process.execPath, args: ['-e', script] };
  const extensions = [{ name: 'client.authentication.k8s.io/exec', extension: { shoot: 's1' } }];
  const cluster = { server, ...trusted, 'tls-server-name': 'localhost', extensions };
  const received = (): unknown =>
    JSON.parse(Buffer.from(seen.at(-1)?.authorization?.slice(7) ?? '', 'base64url').toString());
  await ask(cluster, { exec: { ...exec, provideClusterInfo: true } });
  expect(received()).toEqual({ server, ...trusted, 'tls-server-name': 'localhost', config: { shoot: 's1' } });
  const proxy = await startProxy();
  await writeFile(join(folder, 'ca.pem'), authority.caPem);
  const inFile = { server, 'certificate-authority': 'ca.pem', 'proxy-url': proxy.url };
  await ask(inFile, { exec: { ...exec, provideClusterInfo: true } });
  expect(received()).toEqual({ server, ...trusted, 'proxy-url': proxy.url, config: null });
  await ask(cluster, { exec });
  expect(received()).toBeNull();
});

it('shows the install hint of a plugin that is missing or fails', async () => {
  const installHint = 'Get it from the share.';
  const plugin = (exec: object) => ask({ server: 'https://localhost:1' }, { exec: { installHint, ...exec } });
  await expect(plugin({ command: 'no-such-plugin' })).rejects.toMatchObject({
    why: 'no-such-plugin is not installed',
    hint: expect.stringContaining(installHint) as string,
  });
  await expect(
    plugin({ command: 'sh', args: ['-c', 'echo >&2; echo locked >&2; exit 1'] }),
  ).rejects.toMatchObject({
    why: 'locked',
    hint: expect.stringContaining(installHint) as string,
  });
});

it.each([
  ['answers without status', ['-c', `echo '{"kind":"ExecCredential"}'`], 'sh printed no credentials'],
  ['is killed', ['-c', 'kill -9 $$'], 'sh was killed'],
])('shows the install hint of a plugin that %s', async (_, args, why) => {
  const exec = { command: 'sh', args, installHint: 'Get it from the share.' };
  await expect(ask({ server: 'https://localhost:1' }, { exec })).rejects.toMatchObject({
    code: 'cluster-unreachable',
    why,
    hint: expect.stringContaining('Get it from the share.') as string,
  });
});

it('reports that a plugin is not executable', async () => {
  await writeFile(join(folder, 'plugin'), '');
  await expect(
    ask({ server: 'https://localhost:1' }, { exec: { command: './plugin' } }),
  ).rejects.toMatchObject({
    why: './plugin is not an executable file',
  });
});

it.each<[string, object, object]>([
  ['certificate-authority', { 'certificate-authority': 'absent' }, {}],
  [
    'certificate-authority',
    { 'certificate-authority': 'absent' },
    { exec: { command: 'true', provideClusterInfo: true } },
  ],
  ['client-certificate', {}, { 'client-certificate': 'absent', 'client-key': 'absent' }],
  ['tokenFile', {}, { tokenFile: 'absent' }],
])('names %s when its file is missing', async (key, cluster, user) => {
  await expect(ask({ server: 'https://localhost:1', ...cluster }, user)).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    what: `could not read ${key} ${join(folder, 'absent')}`,
    why: 'there is no such file',
  });
});

it('reports that a token file is empty', async () => {
  await writeFile(join(folder, 'token'), '\n');
  await expect(ask({ server: 'https://localhost:1' }, { tokenFile: 'token' })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: 'it is empty',
  });
});

it.each([
  ['certificate', 'nonsense', 'nonsense', 'the client certificate is not in PEM format'],
  ['key', authority.caPem, 'nonsense', 'the client key is not a private key in PEM format'],
])('reports that a client %s is damaged', async (_, cert, key, why) => {
  const user = {
    'client-certificate-data': Buffer.from(cert).toString('base64'),
    'client-key-data': Buffer.from(key).toString('base64'),
  };
  await expect(ask({ server: 'https://localhost:1' }, user)).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why,
  });
});

it.each([
  ['no certificate', 'nonsense', 'it contains no certificate in PEM format'],
  [
    'a damaged one',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
    'it contains a damaged certificate',
  ],
])('rejects authority data with %s', async (_, data, why) => {
  const ca = { 'certificate-authority-data': Buffer.from(data).toString('base64') };
  await expect(ask({ server: 'https://localhost:1', ...ca })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    what: 'could not use the certificate-authority-data of cluster c',
    why,
  });
});

it('suggests tls-server-name when a certificate is for another name, as behind a tunnel', async () => {
  const { url: server } = await startServer('kubernetes.test');
  await expect(ask({ server, ...trusted })).rejects.toMatchObject({
    code: 'tls-untrusted',
    hint: expect.stringContaining('kubectl config set-cluster c --tls-server-name=kubernetes.test') as string,
  });
});

it('reports the wrong tls-server-name', async () => {
  const { url: server } = await startServer('kubernetes.test');
  await expect(ask({ server, ...trusted, 'tls-server-name': 'other.test' })).rejects.toMatchObject({
    code: 'tls-untrusted',
    why: 'its certificate is for kubernetes.test, and not for other.test',
    hint: expect.stringContaining('--tls-server-name=kubernetes.test') as string,
  });
});

it('reports that the user of a kubeconfig has no credentials', async () => {
  const key = { cert: authority.issue('localhost'), key: authority.serverKeyPem };
  const server = createServer(key, (_, response) => response.writeHead(401).end());
  const url = `https://localhost:${await listen(server)}`;
  await expect(ask({ server: url, ...trusted })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: expect.stringContaining('user u of context x has no token, password, client certificate') as string,
  });
});

it('sends no credentials to a server without TLS, and reports it when the server requires them', async () => {
  const received: (string | undefined)[] = [];
  const server = createHttpServer(({ headers }, response) => {
    received.push(headers.authorization);
    response.writeHead(401).end();
  });
  const url = `http://localhost:${await listen(server)}`;
  const marker = join(folder, 'asked');
  const exec = { command: 'touch', args: [marker] };
  for (const user of [{ token: 'my-token' }, { username: 'me', password: 'word' }, { exec }]) {
    await expect(ask({ server: url }, user)).rejects.toMatchObject({
      code: 'cluster-unconfigured',
      why: expect.stringContaining('credentials are not sent over http://') as string,
    });
  }
  expect(received).toEqual([undefined, undefined, undefined]);
  expect(existsSync(marker)).toBe(false);
});

it('runs no plugin when there is a token, a password or a client certificate', async () => {
  const { url: server, seen } = await startServer();
  const exec = { command: 'sh', args: ['-c', 'echo "the plugin ran" >&2; exit 1'] };
  await ask({ server, ...trusted }, { exec, token: 'my-token' });
  await ask({ server, ...trusted }, { exec, username: 'me', password: 'word' });
  const certificate = {
    'client-certificate-data': Buffer.from(authority.issue('me')).toString('base64'),
    'client-key-data': Buffer.from(authority.serverKeyPem).toString('base64'),
  };
  await ask({ server, ...trusted }, { exec, ...certificate });
  expect(seen.map(({ authorization }) => authorization?.split(' ')[0])).toEqual([
    'Bearer',
    'Basic',
    undefined,
  ]);
});

it('reads a token file again when the server rejects its token', async () => {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'token-of-yesterday\n');
  const key = { cert: authority.issue('localhost'), key: authority.serverKeyPem };
  const server = createServer(key, (request, response) => {
    const isNew = request.headers.authorization === 'Bearer token-of-today';
    if (!isNew) void writeFile(tokenFile, 'token-of-today\n').then(() => response.writeHead(401).end());
    else response.end(JSON.stringify({ gitVersion: 'v1.36.3' }));
  });
  const url = `https://localhost:${await listen(server)}`;
  expect(await ask({ server: url, ...trusted }, { tokenFile: 'token' })).toMatchObject({
    version: 'v1.36.3',
  });
});
