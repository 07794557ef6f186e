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

test('certificates are signed by the authority, for the one host', () => {
  const authority = new CertificateAuthority();
  const ca = new X509Certificate(authority.caPem);
  const certificate = new X509Certificate(authority.issue('api.ecr.eu-west-1.amazonaws.com'));
  expect(ca.ca && !certificate.ca && certificate.verify(ca.publicKey) && certificate.checkIssued(ca)).toBe(
    true,
  );
  expect(certificate.checkHost('api.ecr.eu-west-1.amazonaws.com')).toBeDefined();
  expect(certificate.checkHost('iam.amazonaws.com')).toBeUndefined();
});

test('a host that the sandbox does not have is out of reach', async () => {
  const through = dispatcher(sandbox);
  await expect(send(through, 'GET', 'https://example.com/')).rejects.toThrow(/502/);
  await expect(send(through, 'GET', 'https://ghcr.io:8443/')).rejects.toThrow(/502/);
  await through.destroy();
});

test('a host mounted later is served, with its port', async () => {
  sandbox.hosts.set('cluster.sandbox:6443', (_, response) => response.end('mounted'));
  const through = dispatcher(sandbox);
  const { bytes } = await send(through, 'GET', 'https://cluster.sandbox:6443/version');
  expect(bytes.toString()).toBe('mounted');
  await through.destroy();
});

it('shows the certificate of the host that was connected to, whatever server name a client asks for', async () => {
  const proxy = new ProxyAgent({
    uri: sandbox.proxyUrl,
    requestTls: { ca: sandbox.caPem, servername: 'other.example' },
  });
  await expect(send(proxy, 'GET', 'https://ghcr.io/v2/')).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  await proxy.close();
});

test('the same hosts are served at an address with a given certificate', async () => {
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

test('closing cuts what is still open, also in the middle of a request', async () => {
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
