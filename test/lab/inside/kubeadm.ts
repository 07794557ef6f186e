import { dump } from 'js-yaml';
import { nodeImages } from '../images/catalog.ts';
import type { ClusterNames } from '../names.ts';
import { versions } from '../versions.ts';
import type { KubernetesApi } from './api.ts';

/** The folder of the static pods' manifests on a node. */
export const manifestFolder = '/etc/kubernetes/manifests';

/**
 * The static pods of a control plane that kubeadm installed, by file name. Their containers only wait: the programs
 * run as services of the lab.
 */
export const staticPods: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries({
    etcd: nodeImages.etcd,
    'kube-apiserver': nodeImages.apiServer,
    'kube-controller-manager': nodeImages.controllerManager,
    'kube-scheduler': nodeImages.scheduler,
  }).map(([component, image]) => [
    `${component}.yaml`,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: component,
        namespace: 'kube-system',
        labels: { component, tier: 'control-plane' },
      },
      spec: {
        hostNetwork: true,
        priorityClassName: 'system-node-critical',
        terminationGracePeriodSeconds: 1,
        containers: [{ name: component, image, imagePullPolicy: 'IfNotPresent' }],
      },
    },
  ]),
);

const kubeSystem = (apiVersion: string, kind: string, name: string, rest: object = {}) => ({
  apiVersion,
  kind,
  metadata: { namespace: 'kube-system', name },
  ...rest,
});

function pods(name: string, image: string, hostNetwork: boolean, serviceAccountName = 'default') {
  const labels = { 'k8s-app': name };
  const spec = {
    serviceAccountName,
    hostNetwork,
    terminationGracePeriodSeconds: 1,
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name, image, imagePullPolicy: 'IfNotPresent' }],
  };
  return { spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } } };
}

/** Creates what kubeadm and a CNI create in a new cluster: its workloads and its configuration. */
export async function createKubeadmObjects(api: KubernetesApi, { podSubnet }: ClusterNames): Promise<void> {
  const configuration = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    imageRepository: 'registry.k8s.io',
    kubernetesVersion: `v${versions.kubernetes}`,
    networking: { podSubnet },
  };
  const core = '/api/v1/namespaces/kube-system';
  const apps = '/apis/apps/v1/namespaces/kube-system';
  const data = { ClusterConfiguration: dump(configuration) };
  await api.create(`${core}/configmaps`, kubeSystem('v1', 'ConfigMap', 'kubeadm-config', { data }));
  for (const name of ['coredns', 'kube-proxy']) {
    await api.create(`${core}/serviceaccounts`, kubeSystem('v1', 'ServiceAccount', name));
  }
  const { proxy, cni, coredns } = nodeImages;
  for (const [kind, name, template] of [
    ['DaemonSet', 'kube-proxy', pods('kube-proxy', proxy, true, 'kube-proxy')],
    ['DaemonSet', 'kube-flannel', pods('kube-flannel', cni, true)],
    ['Deployment', 'coredns', pods('coredns', coredns, false, 'coredns')],
  ] as const) {
    await api.create(`${apps}/${kind.toLowerCase()}s`, kubeSystem('apps/v1', kind, name, template));
  }
}
