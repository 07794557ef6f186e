import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { containerd, kubernetes } from '../build/parts.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder, containerdSocket, kubeconfigOf, machineFolder } from '../paths.ts';
import { capture, run } from '../process.ts';
import type { ControlPlane } from './control-plane.ts';
import { manifestFolder, staticPods } from './kubeadm.ts';
import type { ServiceOptions } from './service.ts';

/** Where containerd reads its configuration, on every node. */
const containerdConfigFile = '/etc/containerd/config.toml';

/** How containerd reads `hosts.toml` files. `default` is what its users have unless they configure it. */
export type ContainerdVariant = 'default' | 'one config_path' | 'local pull' | 'other config_path';

const registrySettings: Readonly<Record<ContainerdVariant, string>> = {
  default: '',
  'one config_path': `[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'
`,
  'local pull': `[plugins.'io.containerd.cri.v1.images']
  use_local_image_pull = true
`,
  'other config_path': `[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/other'
`,
};

/**
 * containerd's defaults, except what the lab's namespaces need. They decide how images are pulled.
 */
const containerdConfig = (socket: string, networks: string, variant: ContainerdVariant) => `version = 3

[grpc]
  address = '${socket}'

[plugins.'io.containerd.cri.v1.runtime']
  # In containers root may lack CAP_SYS_RESOURCE; runc would then fail for every pod.
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni', '/opt/cni/bin']
  conf_dir = '${networks}'

${registrySettings[variant]}`;

const podNetwork = ({ podSubnet }: ClusterNames) => ({
  cniVersion: '1.0.0',
  name: 'lab',
  plugins: [
    {
      type: 'bridge',
      bridge: 'lab0',
      isGateway: true,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: podSubnet }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
  ],
});

const kubeletConfig = (cluster: ClusterNames) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${containerdSocket(cluster)}`,
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  failSwapOn: false,
  // There is one tree of control groups. With groups by quality of service, each kubelet would end the pods of the
  // other, which it does not know.
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  clusterDNS: [cluster.router],
  clusterDomain: 'cluster.local',
  // Inside the lab's network, every client is the user who inspects the lab.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  // The disk usage of this machine says nothing about the lab.
  evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
  serializeImagePulls: false,
  staticPodPath: manifestFolder,
});

const proxyConfig = (cluster: ClusterNames) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  clientConnection: { kubeconfig: kubeconfigOf(cluster, 'system:kube-proxy') },
  hostnameOverride: cluster.node,
  clusterCIDR: cluster.podSubnet,
  conntrack: { maxPerCore: 0, min: 0 },
});

export interface ClusterNode {
  readonly containerd: ServiceOptions;
  /** Takes effect at containerd's next start. */
  configureContainerd(variant: ContainerdVariant): Promise<void>;
  /** Start it after the images of its static pods are pulled. */
  readonly kubelet: ServiceOptions;
  readonly proxy: ServiceOptions;
  /** Pulls an image before the kubelet runs: it then counts as preloaded. */
  pull(image: string): Promise<void>;
}

/** Writes the configuration of a cluster's node. */
export async function prepareNode(
  cluster: ClusterNames,
  { api }: ControlPlane,
  log: string,
): Promise<ClusterNode> {
  const folder = clusterFolder(cluster);
  const file = (name: string) => join(folder, name);
  const socket = containerdSocket(cluster);
  await mkdir(file('networks'), { recursive: true });
  await writeFile(file('networks/lab.conflist'), JSON.stringify(podNetwork(cluster)));
  const onNode = (path: string) => join(machineFolder(cluster), path);
  const configureContainerd = (variant: ContainerdVariant) =>
    writeFile(onNode(containerdConfigFile), containerdConfig(socket, file('networks'), variant));
  await configureContainerd('default');
  await mkdir(onNode(manifestFolder), { recursive: true });
  for (const [name, pod] of Object.entries(staticPods)) {
    await writeFile(onNode(join(manifestFolder, name)), JSON.stringify(pod));
  }
  await writeFile(file('kubelet.json'), JSON.stringify(kubeletConfig(cluster)));
  await writeFile(file('kube-proxy.json'), JSON.stringify(proxyConfig(cluster)));

  const tool = (name: string) => join(partFolder(containerd), name);
  const program = (name: string) => join(partFolder(kubernetes), name);
  const ctr = (...args: string[]) =>
    run(tool('ctr'), [`--address=${socket}`, '--namespace=k8s.io', ...args], { log });
  return {
    configureContainerd,
    containerd: {
      name: 'containerd',
      command: [tool('containerd'), '--config', containerdConfigFile],
      // The runtime searches its shim in the PATH.
      env: { PATH: `${partFolder(containerd)}:${process.env['PATH'] ?? ''}` },
      ready: async () => (await capture(tool('ctr'), [`--address=${socket}`, 'version'])) !== '',
    },
    kubelet: {
      name: 'kubelet',
      command: [
        program('kubelet'),
        `--config=${file('kubelet.json')}`,
        `--kubeconfig=${kubeconfigOf(cluster, `system:node:${cluster.node}`)}`,
        `--hostname-override=${cluster.node}`,
        `--node-ip=${cluster.address}`,
      ],
      ready: () => api.nodeIsReady(cluster.node),
    },
    proxy: {
      name: 'kube-proxy',
      command: [program('kube-proxy'), `--config=${file('kube-proxy.json')}`],
    },
    pull: (image) => ctr('images', 'pull', image),
  };
}
