import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { etcd, kubernetes } from '../build/parts.ts';
import { apiServer, joiningMachine, serviceSubnet } from '../names.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder, kubeconfigOf, tokensOf } from '../paths.ts';
import { KubernetesApi } from './api.ts';
import { Authority } from './certificates.ts';
import type { ServiceOptions } from './service.ts';

/** The users of the API server, with the groups that its built-in roles are bound to. */
const usersOf = ({ node }: ClusterNames): Readonly<Record<string, string>> => ({
  admin: 'system:masters',
  'system:kube-controller-manager': '',
  'system:kube-scheduler': '',
  'system:kube-proxy': '',
  [`system:node:${node}`]: 'system:nodes',
  [`system:node:${joiningMachine.node}`]: 'system:nodes',
});

/**
 * The files and services of a control plane like kubeadm's, but with random tokens instead of client certificates.
 */
export interface ControlPlane {
  readonly api: KubernetesApi;
  readonly etcd: ServiceOptions;
  readonly apiServer: ServiceOptions;
  readonly controllerManager: ServiceOptions;
  readonly scheduler: ServiceOptions;
}

/**
 * Writes the files of a cluster's control plane, with a kubeconfig for each user. Its context has the cluster's
 * name.
 */
export async function prepareControlPlane(names: ClusterNames, log: string): Promise<ControlPlane> {
  const { name: cluster, address } = names;
  const folder = clusterFolder(names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(folder, name);
  const authority = await Authority.create(folder, 'kubernetes', log);
  const serving = await authority.issueServer('apiserver', [
    'DNS:kubernetes',
    'DNS:kubernetes.default',
    'DNS:kubernetes.default.svc',
    'DNS:kubernetes.default.svc.cluster.local',
    'IP:10.96.0.1',
    `IP:${address}`,
  ]);
  const signing = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(file('sa.key'), signing.privateKey, { mode: 0o600 });
  await writeFile(file('sa.pub'), signing.publicKey);

  const users = usersOf(names);
  const tokens = new Map(Object.keys(users).map((user) => [user, randomBytes(24).toString('hex')]));
  const rows = [...tokens].map(([user, token]) => `${token},${user},${user},"${users[user]}"\n`);
  await writeFile(tokensOf(names), rows.join(''), { mode: 0o600 });
  const kubeconfig = (user: string) => kubeconfigOf(names, user);
  for (const [user, token] of tokens) {
    // Kubeconfigs of several clusters are merged, so their entries need unique names.
    const entry = `${user}@${cluster}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: cluster,
          cluster: { server: apiServer(names), 'certificate-authority': authority.certificate },
        },
      ],
      users: [{ name: entry, user: { token } }],
      contexts: [{ name: cluster, context: { cluster, user: entry } }],
      'current-context': cluster,
    };
    await writeFile(kubeconfig(user), JSON.stringify(config, null, 2), { mode: 0o600 });
  }

  const api = new KubernetesApi(
    apiServer(names),
    await readFile(authority.certificate),
    tokens.get('admin') ?? '',
  );
  const program = (name: string) => join(partFolder(kubernetes), name);
  const etcdUrl = `http://${address}:2379`;
  return {
    api,
    etcd: {
      name: 'etcd',
      command: [
        join(partFolder(etcd), 'etcd'),
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        '--listen-peer-urls=http://127.0.0.1:2380',
        // The lab's data does not need to survive a power cut, and the disk may be slow.
        '--unsafe-no-fsync',
      ],
      ready: async () => (await fetch(`${etcdUrl}/health`)).ok,
    },
    apiServer: {
      name: 'kube-apiserver',
      command: [
        program('kube-apiserver'),
        `--etcd-servers=${etcdUrl}`,
        `--advertise-address=${address}`,
        `--bind-address=${address}`,
        `--tls-cert-file=${serving.certificate}`,
        `--tls-private-key-file=${serving.key}`,
        `--token-auth-file=${file('tokens.csv')}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged=true',
        // No name server resolves the node's name.
        '--kubelet-preferred-address-types=InternalIP',
        `--service-cluster-ip-range=${serviceSubnet}`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--service-account-key-file=${file('sa.pub')}`,
        `--service-account-signing-key-file=${file('sa.key')}`,
        // The API server calls webhooks at their pods, because the network has no route for service addresses.
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
