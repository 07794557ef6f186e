import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ContainerdVariant } from '../../scenarios/world.ts';
import { partFolder } from '../build/part.ts';
import { containerd, kubernetes } from '../build/parts.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder, containerdSocket, kubeconfigOf, machineFolder } from '../paths.ts';
import { capture, run } from '../process.ts';
import { isCrio } from '../versions.ts';
import { configureCrio, crictlOn, crioService, crioSocket, runsOnCrio } from './crio.ts';
import { manifestFolder } from './kubeadm.ts';
import type { ServiceOptions } from './service.ts';

/** Where containerd reads its configuration, on every node. */
const containerdConfigFile = '/etc/containerd/config.toml';

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
  containerRuntimeEndpoint: `unix://${isCrio ? crioSocket : containerdSocket(cluster)}`,
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
  // Renewed Secrets reach the volumes of pods in seconds. The default is a minute, and tokens in scenarios live as long.
  syncFrequency: '5s',
});

const proxyConfig = (machine: ClusterNames, kubeconfig: string) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  clientConnection: { kubeconfig },
  hostnameOverride: machine.node,
  clusterCIDR: machine.podSubnet,
  conntrack: { maxPerCore: 0, min: 0 },
});

export interface ClusterNode {
  /** The container runtime. */
  readonly runtime: ServiceOptions;
  /** Takes effect at containerd's next start. CRI-O has no variants. */
  configureContainerd(variant: ContainerdVariant): Promise<void>;
  readonly kubelet: ServiceOptions;
  readonly proxy: ServiceOptions;
  /** Writes manifests of static pods, by file name. */
  writeStaticPods(pods: Readonly<Record<string, object>>): Promise<void>;
  /** Whether a container of each of these names runs. */
  runs(containers: readonly string[]): Promise<boolean>;
  /** Pulls an image before the kubelet runs: it then counts as preloaded. */
  pull(image: string): Promise<void>;
}

/**
 * Writes the configuration of a node.
 * @param machine the node's machine
 * @param cluster the cluster that it belongs to
 */
export async function prepareNode(
  machine: ClusterNames,
  cluster: ClusterNames,
  log: string,
): Promise<ClusterNode> {
  const folder = clusterFolder(machine);
  const file = (name: string) => join(folder, name);
  const socket = containerdSocket(machine);
  await mkdir(file('networks'), { recursive: true });
  await writeFile(file('networks/lab.conflist'), JSON.stringify(podNetwork(machine)));
  const onNode = (path: string) => join(machineFolder(machine), path);
  const configureContainerd = (variant: ContainerdVariant) =>
    writeFile(onNode(containerdConfigFile), containerdConfig(socket, file('networks'), variant));
  await configureContainerd('default');
  if (isCrio) await configureCrio(machine, file('networks'));
  await mkdir(onNode(manifestFolder), { recursive: true });
  await writeFile(file('kubelet.json'), JSON.stringify(kubeletConfig(machine)));
  await writeFile(
    file('kube-proxy.json'),
    JSON.stringify(proxyConfig(machine, kubeconfigOf(cluster, 'system:kube-proxy'))),
  );

  const tool = (name: string) => join(partFolder(containerd), name);
  const program = (name: string) => join(partFolder(kubernetes), name);
  const ctr = (...args: string[]) =>
    run(tool('ctr'), [`--address=${socket}`, '--namespace=k8s.io', ...args], { log });
  const containerdService: ServiceOptions = {
    name: 'containerd',
    command: [tool('containerd'), '--config', containerdConfigFile],
    // The runtime searches its shim in the PATH.
    env: { PATH: `${partFolder(containerd)}:${process.env['PATH'] ?? ''}` },
    ready: async () => (await capture(tool('ctr'), [`--address=${socket}`, 'version'])) !== '',
  };
  return {
    configureContainerd,
    runtime: isCrio ? crioService(machine) : containerdService,
    kubelet: {
      name: 'kubelet',
      command: [
        program('kubelet'),
        `--config=${file('kubelet.json')}`,
        `--kubeconfig=${kubeconfigOf(cluster, `system:node:${machine.node}`)}`,
        `--hostname-override=${machine.node}`,
        `--node-ip=${machine.address}`,
      ],
    },
    proxy: {
      name: 'kube-proxy',
      command: [program('kube-proxy'), `--config=${file('kube-proxy.json')}`],
    },
    async writeStaticPods(pods) {
      for (const [name, pod] of Object.entries(pods)) {
        await writeFile(onNode(join(manifestFolder, name)), JSON.stringify(pod));
      }
    },
    async runs(containers) {
      if (isCrio) return runsOnCrio(machine, containers);
      const list = (...args: string[]) =>
        capture(tool('ctr'), [`--address=${socket}`, '--namespace=k8s.io', ...args]);
      const running = (await list('tasks', 'list')).split('\n').filter((line) => line.endsWith('RUNNING'));
      for (const container of containers) {
        const filter = `labels."io.kubernetes.container.name"==${container}`;
        const ids = (await list('containers', 'list', '--quiet', filter))
          .split('\n')
          .filter((id) => id !== '');
        if (!ids.some((id) => running.some((line) => line.startsWith(id)))) return false;
      }
      return true;
    },
    async pull(image) {
      await (isCrio ? crictlOn(machine, 'pull', image) : ctr('images', 'pull', image));
    },
  };
}
