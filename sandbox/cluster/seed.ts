import { randomBytes } from 'node:crypto';
import type { ImageDescription } from '../ports.ts';
import { pauseImage } from './node-machine.ts';
import type { Draft, Fields } from './objects.ts';
import { parseReference } from './references.ts';

export interface NodeOptions {
  readonly name: string;
  /** As in `nodeInfo.architecture`: `amd64`, `arm64`. */
  readonly architecture: string;
  /** As in `nodeInfo.operatingSystem`; by default `linux`. */
  readonly os?: 'linux' | 'windows';
  /** As in `nodeInfo.containerRuntimeVersion`; by default `containerd://2.2.9`. */
  readonly containerRuntimeVersion?: string;
  /** Whether its kubelet reports; by default it does. */
  readonly ready?: boolean;
  /** As after `kubectl cordon`. */
  readonly unschedulable?: boolean;
  /** Whether containerd reads `/etc/containerd/certs.d`; by default as its version does without configuration. */
  readonly readsMirrors?: boolean;
}

/** Describes an image on the internet. */
type Describe = (image: string) => ImageDescription;

/** The objects of a new kubeadm cluster that the product can observe, and two namespaces in use. */
export function startContent(nodes: readonly NodeOptions[], version: string, describe: Describe): Draft[] {
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
    ...nodes.map((node) => nodeObject(node, version, describe)),
    kubeadmConfig(version),
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
    pauseImage,
    ...names.map((name) => systemImage(name, version)),
    'nginx:1.27',
    'docker.io/prom/prometheus:v3.1.0',
  ];
}

function nodeObject(options: NodeOptions, version: string, describe: Describe): Draft {
  const { name, architecture, os = 'linux', ready = true, unschedulable = false } = options;
  const unknown = {
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  };
  return {
    ...meta('Node', name, undefined, {
      'kubernetes.io/arch': architecture,
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': os,
    }),
    spec: unschedulable ? { unschedulable } : {},
    status: {
      nodeInfo: {
        architecture,
        operatingSystem: os,
        kubeletVersion: version,
        containerRuntimeVersion: options.containerRuntimeVersion ?? 'containerd://2.2.9',
      },
      conditions: [{ type: 'Ready', ...(ready ? { status: 'True', reason: 'KubeletReady' } : unknown) }],
      images: (os === 'linux' ? preloaded(version) : [pauseImage]).map((image) => {
        const { repository, name: reference } = parseReference(image);
        const { digest, sizeBytes } = describe(reference);
        return { names: [`${repository}@${digest}`, reference], sizeBytes };
      }),
    },
  };
}

/** As kubeadm 1.36 writes it. */
function kubeadmConfig(version: string): Draft {
  const configuration = `apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: ${version}
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
proxy: {}
scheduler: {}
`;
  return {
    ...meta('ConfigMap', 'kubeadm-config', 'kube-system'),
    data: { ClusterConfiguration: configuration },
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
    spec: {
      serviceAccountName,
      containers: [{ name, image, imagePullPolicy: 'IfNotPresent' }],
      ...(kind === 'DaemonSet' && {
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ operator: 'Exists' }],
      }),
    },
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
