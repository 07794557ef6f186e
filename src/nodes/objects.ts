import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { withManagedLabel } from '../cluster/objects.ts';
import { agentRef, expiryKey, filesRef, filesSecretRef, scriptRef } from '../cluster/nodes.ts';
import { renderTemplate } from '../cluster/templates.ts';
import type { Config } from '../config/schema.ts';
import { once } from '../core/once.ts';
import {
  annotations,
  managedBy,
  nodeAccessName as name,
  nodeNamespace as namespace,
  probeHost,
} from '../core/ownership.ts';
import { sha256 } from '../core/sha256.ts';
import { readScripts } from './script.ts';

const namespaceRef: ObjectRef = { apiVersion: 'v1', kind: 'Namespace', name: namespace };

/** The copy of the pull secret with which nodes pull the agent's image. */
export const pullSecretRef = ({ pullSecret }: Config): ObjectRef => ({
  ...filesSecretRef,
  name: pullSecret.name,
});

/** The objects of the step, in the order of their application. Each has a kind of its own. */
export const nodeAccessRefs = async (cluster: ClusterPort): Promise<readonly ObjectRef[]> => [
  namespaceRef,
  await filesRef(cluster),
  scriptRef,
  agentRef,
];

interface AgentSettings {
  readonly operatorApi: string;
  readonly config: Config;
  readonly registryHost: string;
  /** The hosts that nodes pull from ECR, other than the probe's. */
  readonly hosts: readonly string[];
  /** References with which nodes pull the two images. */
  readonly agentImage: string;
  readonly probeImage: string;
  /** Whether a node of the cluster runs CRI-O. */
  readonly hasCrio: boolean;
}

/** Where the pods have the script. It is not part of them, because a cluster has one on each of hundreds of nodes. */
const scriptFolder = '/scripts';

/** The namespace, the ExternalSecret with the files, the ConfigMap with the script, and the DaemonSet. */
export async function nodeAccessObjects(settings: AgentSettings): Promise<readonly KubeObject[]> {
  const { config, operatorApi, registryHost, hosts, agentImage, probeImage } = settings;
  const folders = settings.hasCrio ? { ...containerdFolders, ...crioFolders } : containerdFolders;
  const command = (mode: string) => ['sh', `${scriptFolder}/${name}.sh`, mode];
  const objects = await renderTemplate('node-access', {
    operatorApi,
    namespace,
    name,
    pullSecret: config.pullSecret.name,
    copyEvery: config.pullSecret.copyEvery,
    labels: managedBy,
    files: filesOf([...hosts, probeHost], { project: config.project, registryHost }),
    nodeSelector: { ...config.nodes.nodeSelector, 'kubernetes.io/os': 'linux' },
    image: agentImage,
    probe: probeImage,
    script: agentScript(),
    annotations: { [annotations.scriptDigest]: sha256(agentScript()) },
    write: command('write'),
    watch: command('watch'),
    check: command('check'),
    env: [{ name: 'PROJECT', value: config.project }],
    resources: { requests: { cpu: '5m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      ...Object.entries(folders).map(([volume, mountPath]) => ({ name: volume, mountPath })),
      { name: 'mirrors', mountPath: '/mirrors', readOnly: true },
      { name: 'script', mountPath: scriptFolder, readOnly: true },
    ],
    volumes: [
      ...Object.entries(folders).map(([volume, path]) => ({
        name: volume,
        hostPath: { path, type: 'DirectoryOrCreate' },
      })),
      { name: 'mirrors', secret: { secretName: name, defaultMode: 0o400 } },
      { name: 'script', configMap: { name, defaultMode: 0o444 } },
    ],
  });
  return objects.map(withManagedLabel);
}

/** The folders of nodes that the agent writes to. */
const containerdFolders: Folders = { containerd: '/etc/containerd' };
/** Only clusters with CRI-O have them, because a mount creates a folder that does not exist. */
const crioFolders: Folders = { containers: '/etc/containers', crio: '/etc/crio' };

type Folders = Readonly<Record<string, string>>;

/** The files by host, as templates of the operator, and the expiry of the token in them. */
function filesOf(hosts: readonly string[], registry: Registry): Readonly<Record<string, string>> {
  const files = [...hosts].sort().map((host) => [host, hostsFile(host, registry)] as const);
  return Object.fromEntries([...files, [expiryKey, '{{ .expires_at }}']]);
}

interface Registry {
  readonly project: string;
  readonly registryHost: string;
}

/** The first line of files that belong to a project. The scripts for nodes compare it. */
const mark = (project: string): string => `# managed by ecr-bootstrap ${project}`;

/**
 * containerd's configuration of one registry, from which the agent makes that of CRI-O. `override_path` makes it ask
 * ECR for `PROJECT/HOST/PATH`. The header needs no credentials of the kubelet, so static pods and the pause image are
 * pulled too, and containerd does not send it to the storage that ECR redirects to.
 */
const hostsFile = (host: string, { project, registryHost }: Registry): string =>
  [
    mark(project),
    `server = "https://${registryHost}/v2/${project}/${host}"`,
    'override_path = true',
    'capabilities = ["pull", "resolve"]',
    '[header]',
    `Authorization = "Basic {{ (index (index . ".dockerconfigjson" | fromJson).auths "${registryHost}").auth }}"`,
    '',
  ].join('\n');

/**
 * The DaemonSet with a template that removes the files from nodes. Its pods become ready when that is done.
 * @param kept a node selector: only the nodes of the DaemonSet that it does not select are cleaned
 */
export async function cleanupAgent(
  agent: KubeObject,
  kept?: Readonly<Record<string, string>>,
): Promise<KubeObject> {
  const { template } = agent['spec'] as { template: PodTemplate };
  const { initContainers: [write] = [], containers: [watch] = [], volumes = [] } = template.spec;
  const script = agentScript();
  const isKept = ({ name: volume }: Named): boolean =>
    Object.hasOwn({ ...containerdFolders, ...crioFolders }, volume);
  const container = (from: Container | undefined, change: { name: string; command: string[] }) => {
    const { readinessProbe: _, ...kept } = from ?? { name: '' };
    return { ...kept, ...change, volumeMounts: (kept.volumeMounts ?? []).filter(isKept) };
  };
  const { apiVersion, kind } = agent;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels: managedBy },
    spec: {
      ...(agent['spec'] as object),
      template: {
        metadata: { labels: { ...template.metadata.labels, [cleanupLabel]: 'true' } },
        spec: {
          ...template.spec,
          initContainers: [
            container(write, { name: 'remove', command: ['sh', '-c', script, name, 'remove'] }),
          ],
          containers: [container(watch, { name: 'agent', command: ['sleep', '86400'] })],
          volumes: volumes.filter(isKept),
          ...(kept && { affinity: { nodeAffinity: notSelectedBy(kept) } }),
        },
      },
    },
  };
}

/** Terms are alternatives, and `NotIn` also matches nodes without the label. */
const notSelectedBy = (nodeSelector: Readonly<Record<string, string>>) => ({
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: Object.entries(nodeSelector).map(([key, value]) => ({
      matchExpressions: [{ key, operator: 'NotIn', values: [value] }],
    })),
  },
});

/** On pods of {@link cleanupAgent}. */
export const cleanupLabel = 'ecr-bootstrap.dev/cleanup';

interface Named {
  readonly name: string;
}

interface Container extends Named {
  readonly volumeMounts?: readonly Named[];
  readonly readinessProbe?: unknown;
}

interface PodTemplate {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers?: readonly Container[];
    readonly volumes?: readonly Named[];
  };
}

const agentScript = once(() => readScripts('node-files', 'node-agent'));
