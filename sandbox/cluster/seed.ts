import { randomBytes } from 'node:crypto';
import type { Draft, Fields } from './objects.ts';

export interface NodeOptions {
  readonly name: string;
  /** As in `nodeInfo.architecture`: `amd64`, `arm64`. */
  readonly architecture: string;
}

/** The objects of a new kubeadm cluster that the product can observe, and two namespaces in use. */
export function startContent(nodes: readonly NodeOptions[], version: string): Draft[] {
  const controlPlane = nodes[0]?.name ?? '';
  const system = workloads(version);
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease', 'shop', 'monitoring'].map(namespace),
    {
      ...meta('ClusterRole', 'cluster-admin'),
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    },
    {
      ...meta('ClusterRoleBinding', 'kubeadm:cluster-admins'),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'kubeadm:cluster-admins' }],
    },
    ...nodes.map((node) => nodeObject(node, version)),
    ...['coredns', 'kube-proxy'].map((name) => meta('ServiceAccount', name, 'kube-system')),
    ...system,
    ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) =>
      staticPod(name, controlPlane, version),
    ),
  ];
}

function meta(kind: string, name: string, namespace?: string, labels?: Record<string, string>): Draft {
  return {
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }) },
  };
}

function namespace(name: string): Draft {
  return meta('Namespace', name, undefined, { 'kubernetes.io/metadata.name': name });
}

const systemImage = (name: string, version: string) => {
  const tags: Record<string, string> = { etcd: '3.6.8-0', 'coredns/coredns': 'v1.13.1' };
  return `registry.k8s.io/${name}:${tags[name] ?? version}`;
};

/** The images that are preloaded on every node: they run without a pull. */
function preloaded(version: string): string[] {
  const names = [
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kube-proxy',
    'coredns/coredns',
  ];
  return [
    ...names.map((name) => systemImage(name, version)),
    'nginx:1.27',
    'docker.io/prom/prometheus:v3.1.0',
  ];
}

function nodeObject({ name, architecture }: NodeOptions, version: string): Draft {
  return {
    ...meta('Node', name, undefined, {
      'kubernetes.io/arch': architecture,
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
    }),
    spec: {},
    status: {
      nodeInfo: {
        architecture,
        operatingSystem: 'linux',
        kubeletVersion: version,
        containerRuntimeVersion: 'containerd://2.2.9',
      },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      images: preloaded(version).map((image) => ({ names: [image] })),
    },
  };
}

function workloads(version: string): Draft[] {
  return [
    workload('Deployment', 'coredns', 'kube-system', systemImage('coredns/coredns', version), 'coredns'),
    workload('DaemonSet', 'kube-proxy', 'kube-system', systemImage('kube-proxy', version), 'kube-proxy'),
    workload('Deployment', 'web', 'shop', 'nginx:1.27', 'default'),
    workload('StatefulSet', 'prometheus', 'monitoring', 'docker.io/prom/prometheus:v3.1.0', 'default'),
  ];
}

function workload(
  kind: string,
  name: string,
  namespace: string,
  image: string,
  serviceAccountName: string,
): Draft {
  const labels = { app: name };
  const template: Fields = {
    metadata: { labels },
    spec: { serviceAccountName, containers: [{ name, image, imagePullPolicy: 'IfNotPresent' }] },
  };
  const replicas = kind === 'DaemonSet' ? {} : { replicas: 1 };
  return {
    ...meta(kind, name, namespace, labels),
    spec: { ...replicas, selector: { matchLabels: labels }, template },
  };
}

function staticPod(component: string, nodeName: string, version: string): Draft {
  const pod = meta('Pod', `${component}-${nodeName}`, 'kube-system', { component, tier: 'control-plane' });
  const hash = randomBytes(16).toString('hex');
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { 'kubernetes.io/config.mirror': hash } },
    spec: {
      nodeName,
      hostNetwork: true,
      containers: [
        { name: component, image: systemImage(component, version), imagePullPolicy: 'IfNotPresent' },
      ],
    },
  };
}
