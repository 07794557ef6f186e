import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { partFolder } from '../../../lab/build/part.ts';
import { etcd, kubernetes } from '../../../lab/build/parts.ts';
import { makeCertificate } from '../../../support/real.ts';
import { freePort, run, type Program } from '../../../support/program.ts';
import type { Target } from '../target.ts';
import { throttleStranger } from './kubernetes-throttle.ts';

/** Whether the lab's build has left both programs in its cache. */
export const kubernetesIsBuilt = (): boolean =>
  [etcd, kubernetes].every((part) => existsSync(partFolder(part)));

/** A real API server with its own etcd, without controllers and nodes. */
export async function startKubernetes(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'ecr-bootstrap-apiserver-'));
  const store = await startEtcd();
  const [port, ca] = await Promise.all([freePort(), makeCertificate(folder)]);
  const tokens = { admin: randomBytes(24).toString('hex'), nobody: randomBytes(24).toString('hex') };
  const server = run(
    join(partFolder(kubernetes), 'kube-apiserver'),
    await argumentsOf(folder, port, store.url, tokens),
    folder,
  );
  const dispatcher = new Agent({ connect: { ca } });
  const url = `https://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    await dispatcher.close();
    await server.stop();
    await store.program.stop();
  };
  try {
    await server.until('is ready', () => answers(`${url}/readyz`, dispatcher, tokens.admin));
  } catch (error) {
    await store.program.stop();
    throw error;
  }
  const target: Target = {
    account: '',
    region: '',
    dispatcher,
    // The server caches roles and bindings.
    lag: 5_000,
    endpoints: {
      kubernetes: {
        url,
        owner: { authorization: `Bearer ${tokens.admin}` },
        stranger: { authorization: `Bearer ${tokens.nobody}` },
      },
    },
    capabilities: { throttle: (request) => throttleStranger(target, request) },
    close,
  };
  return target;
}

async function startEtcd(): Promise<{ readonly url: string; readonly program: Program }> {
  const folder = await mkdtemp(join(tmpdir(), 'ecr-bootstrap-etcd-'));
  const [clients, peers] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${clients}`;
  const args = [
    `--data-dir=${join(folder, 'data')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peers}`,
    '--unsafe-no-fsync',
  ];
  const program = run(join(partFolder(etcd), 'etcd'), args, folder);
  const dispatcher = new Agent();
  await program.until('is healthy', () => answers(`${url}/health`, dispatcher));
  await dispatcher.close();
  return { url, program };
}

async function argumentsOf(
  folder: string,
  port: number,
  store: string,
  tokens: { readonly admin: string; readonly nobody: string },
): Promise<string[]> {
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const users = `${tokens.admin},kubernetes-admin,1,"system:masters"\n${tokens.nobody},nobody,2\n`;
  return [
    `--etcd-servers=${store}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    `--tls-cert-file=${join(folder, 'cert.pem')}`,
    `--tls-private-key-file=${join(folder, 'key.pem')}`,
    `--token-auth-file=${await file('tokens.csv', users)}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    // Otherwise the server's own service would get an address that no client can reach.
    '--endpoint-reconciler-type=none',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${await file('sa.pub', publicKey)}`,
    `--service-account-signing-key-file=${await file('sa.key', privateKey)}`,
  ];
}

async function answers(url: string, dispatcher: Agent, token = ''): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: { authorization: `Bearer ${token}` },
    });
    await body.dump();
    return statusCode === 200;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
    throw error;
  }
}
