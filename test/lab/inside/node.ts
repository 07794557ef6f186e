import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { containerd, kubernetes } from '../build/parts.ts';
import { pauseImage } from '../images/catalog.ts';
import { addresses, nodeName, podSubnet } from '../names.ts';
import { capture, run } from '../process.ts';
import type { ControlPlane } from './control-plane.ts';
import { useResolver } from './isolate.ts';
import type { ServiceOptions } from './service.ts';

const socket = '/run/containerd/containerd.sock';

const containerdConfig = `version = 3

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  use_local_image_pull = true

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '${pauseImage}'

[plugins.'io.containerd.cri.v1.runtime']
  # In containers root may lack CAP_SYS_RESOURCE; runc would then fail for every pod.
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni', '/opt/cni/bin']
  conf_dir = '/etc/cni/net.d'
`;

const podNetwork = {
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
};

const kubeletConfig = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${socket}`,
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  failSwapOn: false,
  clusterDNS: [addresses.aws],
  clusterDomain: 'cluster.local',
  // Inside the lab's network everybody is the person who looks around.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  // How full this machine's disk is says nothing about the lab.
  evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
  serializeImagePulls: false,
};

const proxyConfig = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  hostnameOverride: nodeName,
  clusterCIDR: podSubnet,
  conntrack: { maxPerCore: 0, min: 0 },
};

export interface ClusterNode {
  readonly containerd: ServiceOptions;
  /** To be started when the pause image is imported. */
  readonly kubelet: ServiceOptions;
  readonly proxy: ServiceOptions;
  /** Brings an image archive onto the node and keeps the kubelet from removing that image. */
  importImage(archive: string, name: string): Promise<void>;
}

/** Writes the node's configuration and makes the mount namespace in which its programs run. */
export async function prepareNode(
  folder: string,
  { api, kubeconfig }: ControlPlane,
  log: string,
): Promise<ClusterNode> {
  const file = (name: string) => join(folder, name);
  await mkdir(folder, { recursive: true });
  await mkdir('/etc/cni/net.d', { recursive: true });
  await writeFile(file('containerd.toml'), containerdConfig);
  await writeFile('/etc/cni/net.d/10-lab.conflist', JSON.stringify(podNetwork));
  await writeFile(file('kubelet.json'), JSON.stringify(kubeletConfig));
  const proxy = { ...proxyConfig, clientConnection: { kubeconfig: kubeconfig('system:kube-proxy') } };
  await writeFile(file('kube-proxy.json'), JSON.stringify(proxy));
  const inNamespace = await makeNodeNamespace(file('resolv.conf'));

  const tool = (name: string) => join(partFolder(containerd), name);
  const program = (name: string) => join(partFolder(kubernetes), name);
  const ctr = (...args: string[]) => run(tool('ctr'), ['--namespace=k8s.io', ...args], { log });
  return {
    containerd: {
      name: 'containerd',
      command: [...inNamespace, tool('containerd'), '--config', file('containerd.toml')],
      // The runtime looks for its shim in the PATH.
      env: { PATH: `${partFolder(containerd)}:${process.env['PATH'] ?? ''}` },
      ready: async () => (await capture(tool('ctr'), ['version'])) !== '',
    },
    kubelet: {
      name: 'kubelet',
      command: [
        ...inNamespace,
        program('kubelet'),
        `--config=${file('kubelet.json')}`,
        `--kubeconfig=${kubeconfig(`system:node:${nodeName}`)}`,
        `--hostname-override=${nodeName}`,
        `--node-ip=${addresses.node}`,
      ],
      ready: () => api.nodeIsReady(nodeName),
    },
    proxy: {
      name: 'kube-proxy',
      command: [...inNamespace, program('kube-proxy'), `--config=${file('kube-proxy.json')}`],
    },
    async importImage(archive, name) {
      await ctr('images', 'import', '--local', archive);
      await ctr('images', 'label', name, 'io.cri-containerd.pinned=pinned');
    },
  };
}

/**
 * The node differs from the laptop in one thing: its name server knows nothing of the internet. A process
 * that does nothing else holds the mount namespace in which that is so.
 * @returns the command that another command is to be appended to
 */
async function makeNodeNamespace(resolver: string): Promise<[string, ...string[]]> {
  await useResolver(resolver, addresses.aws);
  const script = `mount --bind ${resolver} /etc/resolv.conf && mount --make-rshared / && echo made && exec sleep infinity`;
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit').then(() =>
    Promise.reject(new Error('the mount namespace of the node failed')),
  );
  await Promise.race([once(holder.stdout, 'data'), ended]);
  return ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`];
}
