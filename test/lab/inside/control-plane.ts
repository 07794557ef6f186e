import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { etcd, kubernetes } from '../build/parts.ts';
import { addresses, apiServer, nodeName, serviceSubnet } from '../names.ts';
import { KubernetesApi } from './api.ts';
import { Authority } from './certificates.ts';
import type { ServiceOptions } from './service.ts';

/** Who asks the API server, with the groups that its built-in roles are bound to. */
const users: Readonly<Record<string, string>> = {
  admin: 'system:masters',
  'system:kube-controller-manager': '',
  'system:kube-scheduler': '',
  'system:kube-proxy': '',
  [`system:node:${nodeName}`]: 'system:nodes',
};

/** The files and services of a control plane like kubeadm's, with random tokens instead of client certificates. */
export interface ControlPlane {
  readonly api: KubernetesApi;
  /** A kubeconfig file for a user, with the context `lab`. */
  kubeconfig(user: string): string;
  readonly etcd: ServiceOptions;
  readonly apiServer: ServiceOptions;
  readonly controllerManager: ServiceOptions;
  readonly scheduler: ServiceOptions;
}

export async function prepareControlPlane(folder: string, log: string): Promise<ControlPlane> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(folder, name);
  const authority = await Authority.create(folder, 'kubernetes', log);
  const serving = await authority.issueServer('apiserver', [
    'DNS:kubernetes',
    'DNS:kubernetes.default',
    'DNS:kubernetes.default.svc',
    'DNS:kubernetes.default.svc.cluster.local',
    'IP:10.96.0.1',
    `IP:${addresses.node}`,
  ]);
  const signing = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(file('sa.key'), signing.privateKey, { mode: 0o600 });
  await writeFile(file('sa.pub'), signing.publicKey);

  const names = Object.keys(users);
  const tokens = new Map(names.map((user) => [user, randomBytes(24).toString('hex')]));
  const rows = names.map((user) => `${tokens.get(user)},${user},${user},"${users[user]}"\n`);
  await writeFile(file('tokens.csv'), rows.join(''), { mode: 0o600 });
  const kubeconfig = (user: string) => file(`${user.replaceAll(':', '-')}.kubeconfig`);
  for (const user of names) {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'lab',
          cluster: { server: apiServer, 'certificate-authority': authority.certificate },
        },
      ],
      users: [{ name: user, user: { token: tokens.get(user) } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user } }],
      'current-context': 'lab',
    };
    await writeFile(kubeconfig(user), JSON.stringify(config, null, 2), { mode: 0o600 });
  }

  const api = new KubernetesApi(apiServer, await readFile(authority.certificate), tokens.get('admin') ?? '');
  const program = (name: string) => join(partFolder(kubernetes), name);
  const etcdUrl = 'http://127.0.0.1:2379';
  return {
    api,
    kubeconfig,
    etcd: {
      name: 'etcd',
      command: [
        join(partFolder(etcd), 'etcd'),
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        '--listen-peer-urls=http://127.0.0.1:2380',
        // The lab's data need not survive a power cut, and the disk may be slow.
        '--unsafe-no-fsync',
      ],
      ready: async () => (await fetch(`${etcdUrl}/health`)).ok,
    },
    apiServer: {
      name: 'kube-apiserver',
      command: [
        program('kube-apiserver'),
        `--etcd-servers=${etcdUrl}`,
        `--advertise-address=${addresses.node}`,
        `--bind-address=${addresses.node}`,
        `--tls-cert-file=${serving.certificate}`,
        `--tls-private-key-file=${serving.key}`,
        `--token-auth-file=${file('tokens.csv')}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged=true',
        `--service-cluster-ip-range=${serviceSubnet}`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--service-account-key-file=${file('sa.pub')}`,
        `--service-account-signing-key-file=${file('sa.key')}`,
        // Webhooks are called at their pods: the network has no route for service addresses.
        '--enable-aggregator-routing=true',
      ],
      ready: () => api.isReady(),
    },
    controllerManager: {
      name: 'kube-controller-manager',
      command: [
        program('kube-controller-manager'),
        `--kubeconfig=${kubeconfig('system:kube-controller-manager')}`,
        `--root-ca-file=${authority.certificate}`,
        `--service-account-private-key-file=${file('sa.key')}`,
        '--use-service-account-credentials=true',
        '--leader-elect=false',
      ],
      ready: async () => (await api.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined,
    },
    scheduler: {
      name: 'kube-scheduler',
      command: [
        program('kube-scheduler'),
        `--kubeconfig=${kubeconfig('system:kube-scheduler')}`,
        '--leader-elect=false',
      ],
    },
  };
}
