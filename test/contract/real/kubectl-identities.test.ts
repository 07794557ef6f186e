import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createCluster } from '../../../src/clients/kubernetes/index.ts';
import { createNet } from '../../../src/clients/net/index.ts';
import { CertificateAuthority } from '../../../sandbox/certificates.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const authority = new CertificateAuthority();

let folder: string;
let server: Server;
let url: string;
/** The identity in the last request. */
let shown: Record<string, unknown> | undefined;

const identityOf = ({ headers }: IncomingMessage): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => /^(authorization|impersonate-)/.test(name))
      .map(([name, value]) => [name, String(value)]),
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubectl-identities-'));
  server = createServer(
    { cert: authority.issue('localhost'), key: authority.serverKeyPem },
    (request, response) => {
      shown = identityOf(request);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ major: '1', minor: '36', gitVersion: 'v1.36.3' }));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(folder, 'token'), 'token-from-file\n');
  const plugin = `#!/bin/sh\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$(echo "$KUBERNETES_EXEC_INFO" | base64 -w0 | tr -d =)"'"}}'\n`;
  writeFileSync(join(folder, 'plugin'), plugin, { mode: 0o755 });
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const trusted = () => ({
  server: url,
  'certificate-authority-data': Buffer.from(authority.caPem).toString('base64'),
});
const kubeconfig = (user: object, cluster: object, more: object): string => {
  const file = join(folder, 'config');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
    ...more,
  };
  writeFileSync(file, JSON.stringify(content));
  return file;
};

/** The identity that kubectl sends; undefined when it rejects the kubeconfig. */
async function kubectlIdentity(file: string) {
  shown = undefined;
  const env = { HOME: folder, PATH: process.env['PATH'] };
  const run = promisify(execFile)('kubectl', ['--kubeconfig', file, 'get', '--raw', '/version'], { env });
  // Without a user, kubectl prompts for one.
  run.child.stdin?.end();
  await run.catch(() => undefined);
  return shown;
}

/** The identity that ecr-bootstrap sends; undefined when it rejects the kubeconfig. */
async function ecrBootstrapIdentity(file: string) {
  shown = undefined;
  const net = createNet(undefined, {});
  const cluster = createCluster({ kubeconfig: file, net, clock: systemClock });
  await cluster.info().catch(() => undefined);
  await cluster.close();
  await net.close();
  return shown;
}

/** The identity, with the input of a plugin decoded: the plugin returns its input as the token. */
const readable = (identity: Record<string, unknown> | undefined): unknown => {
  const token = String(identity?.['authorization']).replace('Bearer ', '');
  const input = Buffer.from(token, 'base64').toString();
  return input.startsWith('{"') ? (JSON.parse(input) as unknown) : identity;
};

const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Never' };
const yamlOutput = 'apiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus: {token: T}\n';
const extension = { name: 'client.authentication.k8s.io/exec', extension: { shoot: 's1' } };

describe.skipIf(!hasKubectl)('kubectl', () => {
  it.each<[string, object, object?]>([
    ['a token', { token: 'my-token' }],
    ['a password', { username: 'me', password: 'word' }],
    ['a token file', { tokenFile: 'token' }],
    ['a token and a token file', { token: 'my-token', tokenFile: 'token' }],
    ['a token and a token file that is missing', { token: 'my-token', tokenFile: 'absent' }],
    [
      'impersonation',
      {
        token: 'T',
        as: 'jane',
        'as-groups': ['ops', 'audit'],
        'as-uid': 'u-1',
        'as-user-extra': { reason: ['a', 'b'], 'example.com/x%y': ['z'] },
      },
    ],
    ['a plugin', { exec }],
    [
      'a plugin with provideClusterInfo',
      { exec: { ...exec, provideClusterInfo: true } },
      { extensions: [extension] },
    ],
    ['a plugin and a token', { exec, token: 'my-token' }],
    ['a plugin and a token file', { exec, tokenFile: 'token' }],
    ['a plugin and a password', { exec, username: 'me', password: 'word' }],
    ['a plugin whose output is YAML', { exec: { ...exec, command: 'printf', args: [yamlOutput] } }],
    ['impersonation beyond ASCII', { token: 'T', as: 'jürgen', 'as-groups': ['größe'] }],
    ['a plugin with env: null', { exec: { ...exec, env: null, args: null } }],
    ['nulls', { token: 'my-token', as: null, 'as-groups': null, exec: null, tokenFile: null }],
    ['unknown fields', { token: 'my-token', 'token-file': 'token', later: { a: 1 } }],
  ])('sends the same identity as ecr-bootstrap with %s', async (_, user, cluster = {}) => {
    const file = kubeconfig(user, { ...trusted(), ...cluster }, {});
    const theirs = readable(await kubectlIdentity(file));
    expect(theirs).toBeDefined();
    expect(readable(await ecrBootstrapIdentity(file))).toEqual(theirs);
  });

  it.each<[string, (json: string) => string | Buffer]>([
    ['in UTF-16', (json) => Buffer.from(`\ufeff${json}`, 'utf16le')],
    ['with a second document', (json) => `${json}\n---\nkind: Other\n`],
    ['with a date for a name', (json) => json.replaceAll('"x"', '2024-01-15')],
    [
      'with yes for true',
      (json) => json.replace(/"certificate-authority-data":"[^"]*"/, '"insecure-skip-tls-verify": yes'),
    ],
  ])('reads a file %s as ecr-bootstrap does', async (_, write) => {
    const file = kubeconfig({ token: 'my-token' }, trusted(), {});
    writeFileSync(file, write(readFileSync(file, 'utf8')));
    expect(await kubectlIdentity(file)).toEqual({ authorization: 'Bearer my-token' });
    expect(await ecrBootstrapIdentity(file)).toEqual({ authorization: 'Bearer my-token' });
  });

  it('sends no login to a server without TLS, as ecr-bootstrap does', async () => {
    const plain = createHttpServer(server.listeners('request')[0] as RequestListener);
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const address = `http://localhost:${(plain.address() as AddressInfo).port}`;
    const file = kubeconfig({ token: 'my-token', as: 'jane' }, { server: address }, {});
    expect(await kubectlIdentity(file)).toEqual({ 'impersonate-user': 'jane' });
    expect(await ecrBootstrapIdentity(file)).toEqual({ 'impersonate-user': 'jane' });
    plain.close();
  });

  it.each<[string, object, object?, object?]>([
    ['a missing user', {}, {}, { users: null }],
    ['a certificate without a key', { 'client-certificate-data': 'AAAA' }],
    ['a numeric token', { token: 12 }],
    ['env as a mapping', { exec: { ...exec, env: { A: 'b' } } }],
    ['a token and a password', { token: 'T', username: 'me', password: 'word' }],
    ['groups without a user', { token: 'T', 'as-groups': ['ops'] }],
    ['a CA that is not checked', { token: 'T' }, { 'insecure-skip-tls-verify': true }],
    ['a CA that is not a certificate', { token: 'T' }, { 'certificate-authority-data': 'bm9uc2Vuc2U=' }],
    ['a CA that is not base64', { token: 'T' }, { 'certificate-authority-data': '-----BEGIN' }],
  ])('sends nothing, like ecr-bootstrap, with %s', async (_, user, cluster = {}, more = {}) => {
    const file = kubeconfig(user, { ...trusted(), ...cluster }, more);
    expect(await kubectlIdentity(file)).toBeUndefined();
    expect(await ecrBootstrapIdentity(file)).toBeUndefined();
  });
});
