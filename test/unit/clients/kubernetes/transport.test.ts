import { appendFileSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import { createCluster } from '../../../../src/clients/kubernetes/index.ts';
import type { ClusterPort } from '../../../../src/clients/kubernetes/port.ts';
import { createNet } from '../../../../src/clients/net/index.ts';
import { encoded, nested, string } from './encode.ts';
import { CertificateAuthority } from '../../../../sandbox/certificates.ts';

const authority = new CertificateAuthority();

let folder: string;
let closing: (() => Promise<unknown>)[];
/** What the requests to the server accepted. */
let encodings: Set<string | undefined>;
/** The answer to a list of namespaces, in protobuf. */
let listed: { readonly status: number; readonly content: Buffer };
let mediaType: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transport-'));
  encodings = new Set();
  mediaType = 'application/vnd.kubernetes.protobuf';
  closing = [() => rm(folder, { recursive: true })];
});

afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' };
const kinds = { resources: [{ name: 'namespaces', kind: 'Namespace', namespaced: false }] };

/** An API server with one namespace. It accepts the token in the file. */
async function serve(tokenFile: string, port = 0): Promise<number> {
  const key = { cert: authority.issue('localhost'), key: authority.serverKeyPem };
  const server: Server = createServer(key, (req, res) => {
    const isKnown = req.headers.authorization === `Bearer ${readFileSync(tokenFile, 'utf8')}`;
    if (!isKnown) res.statusCode = 401;
    encodings.add(req.headers['accept-encoding']);
    if (req.url?.startsWith('/api/v1/namespaces?')) {
      res.writeHead(listed.status, { 'content-type': mediaType });
      res.end(listed.content);
      return;
    }
    const answers: Record<string, object> = { '/version': { gitVersion: 'v1.36.3' }, '/api/v1': kinds };
    const { apiVersion, kind, name } = namespace;
    res.end(JSON.stringify(answers[req.url ?? ''] ?? { apiVersion, kind, metadata: { name } }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A client whose plugin returns the token in the file, and how often the plugin ran. */
async function connect(
  port: number,
  tokenFile: string,
): Promise<{ cluster: ClusterPort; runs: () => number }> {
  const log = join(folder, 'runs');
  appendFileSync(log, '');
  const script = `
    const { appendFileSync, readFileSync } = require('node:fs');
    appendFileSync(${JSON.stringify(log)}, 'x');
    const status = { token: readFileSync(${JSON.stringify(tokenFile)}, 'utf8') };
    const apiVersion = 'client.authentication.k8s.io/v1';
    console.log(JSON.stringify({ apiVersion, kind: 'ExecCredential', status }));`;
  const exec = { command: process.execPath, args: ['-e', script] };
  const trusted = Buffer.from(authority.caPem).toString('base64');
  const kubeconfig = join(folder, 'config');
  const content = {
    clusters: [
      { name: 'c', cluster: { server: `https://localhost:${port}`, 'certificate-authority-data': trusted } },
    ],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(kubeconfig, JSON.stringify(content));
  const net = createNet();
  const cluster = createCluster({ kubeconfig, net, clock: systemClock });
  closing.push(async () => {
    await cluster.close();
    await net.close();
  });
  return { cluster, runs: () => readFileSync(log, 'utf8').length };
}

describe('a token that expires during a run', () => {
  it('is replaced once for all requests in flight, and none of them fails', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'the-first-token');
    const { cluster, runs } = await connect(await serve(tokenFile), tokenFile);
    await cluster.get(namespace);
    await writeFile(tokenFile, 'the-second-token');
    const gets = Array.from({ length: 12 }, () => cluster.get(namespace));
    const seen = await Promise.allSettled(gets);
    expect(seen.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(runs()).toBe(2);
  });
});

it('asks for compressed answers, because a page of a list has megabytes', async () => {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'a-token');
  const { cluster } = await connect(await serve(tokenFile), tokenFile);
  await cluster.get(namespace);
  expect([...encodings]).toEqual(['gzip']);
});

describe('a list in protobuf', () => {
  const list = async (status: number, content: Buffer) => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'a-token');
    listed = { status, content };
    const { cluster } = await connect(await serve(tokenFile), tokenFile);
    return cluster.list({ apiVersion: 'v1', kind: 'Namespace' }, { metadataOnly: true });
  };

  it('has the objects of all items', async () => {
    expect(await list(200, encoded(nested(2, nested(1, string(1, 'shop')))))).toEqual([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    ]);
  });

  it('is refused with the reason of the server, which is in protobuf too', async () => {
    const refusal = encoded(
      string(3, 'namespaces is forbidden: User "u" cannot list'),
      string(4, 'Forbidden'),
    );
    await expect(list(403, refusal)).rejects.toMatchObject({
      code: 'cluster-denied',
      why: 'namespaces is forbidden: User "u" cannot list',
    });
  });

  it('is read whatever the parameters of its media type are', async () => {
    mediaType = 'Application/vnd.kubernetes.protobuf; charset=utf-8';
    expect(await list(200, encoded(nested(2, nested(1, string(1, 'shop')))))).toHaveLength(1);
  });

  it('is an error if it is damaged', async () => {
    await expect(list(200, Buffer.from('k8s\0\x12\x63'))).rejects.toMatchObject({
      code: 'cluster-failed',
      isTransient: true,
    });
  });

  it('is refused with the status of the server if the reason is damaged', async () => {
    await expect(list(403, Buffer.from('<html>'))).rejects.toMatchObject({ code: 'cluster-denied' });
  });
});

describe('a cluster that was unreachable', () => {
  it('is used once it responds: neither its version nor a failed login is cached', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'a-token');
    const port = await serve(tokenFile);
    await closing.pop()?.();
    const { cluster } = await connect(port, join(folder, 'token'));
    await rm(tokenFile);
    await expect(cluster.info()).rejects.toMatchObject({
      what: 'could not get the credentials of context x',
    });
    await writeFile(tokenFile, 'a-token');
    await expect(cluster.info()).rejects.toMatchObject({ why: expect.stringContaining('refused') as string });
    await serve(tokenFile, port);
    expect(await cluster.info()).toMatchObject({ version: 'v1.36.3' });
  });
});
