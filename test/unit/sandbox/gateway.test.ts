import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { connect } from 'node:net';
import { ProxyAgent } from 'undici';
import { afterEach, beforeEach, expect, it, test } from 'vitest';
import { CertificateAuthority } from '../../../sandbox/certificates.ts';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { dispatcher, send } from './support.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.close());

test('a certificate is signed by the authority and valid only for its host', () => {
  const authority = new CertificateAuthority();
  const ca = new X509Certificate(authority.caPem);
  const certificate = new X509Certificate(authority.issue('api.ecr.eu-west-1.amazonaws.com'));
  expect(ca.ca && !certificate.ca && certificate.verify(ca.publicKey) && certificate.checkIssued(ca)).toBe(
    true,
  );
  expect(certificate.checkHost('api.ecr.eu-west-1.amazonaws.com')).toBeDefined();
  expect(certificate.checkHost('iam.amazonaws.com')).toBeUndefined();
});

test('an unknown host is unreachable through the proxy', async () => {
  const through = dispatcher(sandbox);
  await expect(send(through, 'GET', 'https://example.com/')).rejects.toThrow(/502/);
  await expect(send(through, 'GET', 'https://ghcr.io:8443/')).rejects.toThrow(/502/);
  await through.destroy();
});

test('a host that is added later is served at its port', async () => {
  sandbox.hosts.set('cluster.sandbox:6443', (_, response) => response.end('mounted'));
  const through = dispatcher(sandbox);
  const { bytes } = await send(through, 'GET', 'https://cluster.sandbox:6443/version');
  expect(bytes.toString()).toBe('mounted');
  await through.destroy();
});

it('serves the certificate of the connected host even for another server name', async () => {
  const proxy = new ProxyAgent({
    uri: sandbox.proxyUrl,
    requestTls: { ca: sandbox.caPem, servername: 'other.example' },
  });
  await expect(send(proxy, 'GET', 'https://ghcr.io/v2/')).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  await proxy.close();
});

test('the same hosts are served at a direct address with the given certificate', async () => {
  const authority = new CertificateAuthority();
  const host = 'sts.eu-west-1.amazonaws.com';
  const { address, port } = await sandbox.serveAt({
    address: '127.0.0.1',
    port: 0,
    key: authority.serverKeyPem,
    certificate: authority.issue(host),
  });
  const status = await new Promise((answered, failed) => {
    const options = {
      host: address,
      port,
      servername: host,
      headers: { host },
      ca: authority.caPem,
      agent: false,
    };
    get(options, ({ statusCode }) => answered(statusCode)).on('error', failed);
  });
  expect(status).toBe(403);
});

test('closing the sandbox cuts idle connections and pending requests', async () => {
  sandbox.faults.plan({ kind: 'timeout' });
  const through = dispatcher(sandbox);
  const waiting = send(through, 'GET', 'https://ghcr.io/v2/').catch((error: unknown) => error as Error);
  await expect.poll(() => sandbox.faults.calls.length).toBe(1);
  const idle = connect(Number(new URL(sandbox.proxyUrl).port), '127.0.0.1');
  await new Promise((connected) => idle.once('connect', connected));
  const ended = new Promise((closed) => idle.once('close', closed));
  await sandbox.close();
  expect(await waiting).toBeInstanceOf(Error);
  await ended;
  await through.destroy();
});
