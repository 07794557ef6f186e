import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { nodeAccessName as name, nodeNamespace as namespace, probeHost } from '../core/ownership.ts';
import { newestMessage } from './events.ts';
import { operatorKind } from './operator-api.ts';
import { isActive, type Placement } from './workloads.ts';

export const filesKind = 'ExternalSecret';
/** The ExternalSecret with one file per registry that nodes pull from ECR. Its keys are the registries. */
export const filesRef = async (cluster: ClusterPort): Promise<ObjectRef> => ({
  ...(await operatorKind(cluster, filesKind)),
  name,
  namespace,
});
/** The Secret that the operator writes for it. */
export const filesSecretRef: ObjectRef = { apiVersion: 'v1', kind: 'Secret', name, namespace };
/** The ConfigMap with the script of the agent. */
export const scriptRef: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', name, namespace };
/** The DaemonSet of the agent that keeps the files on nodes. */
export const agentRef: ObjectRef = { apiVersion: 'apps/v1', kind: 'DaemonSet', name, namespace };

/** The key with the expiry of the token in the files, in Unix seconds. All other keys are hosts. */
export const expiryKey = 'expires_at';

/** The registries that nodes pull from ECR, without the probe's host. */
export function mirroredHosts(files: KubeObject | undefined): readonly string[] {
  const { target } = (files?.['spec'] ?? {}) as {
    target?: { template?: { data?: Readonly<Record<string, string>> } };
  };
  const keys = Object.keys(target?.template?.data ?? {});
  return keys.filter((key) => key !== expiryKey && key !== probeHost);
}

/** A label of the pods of the agent. */
const [agentLabel, agentValue] = ['app.kubernetes.io/name', name] as const;

/** The pods of the agent, terminating ones too. */
export const listAgentPods = (cluster: ClusterPort): Promise<readonly KubeObject[]> =>
  cluster.list(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace, labelSelector: `${agentLabel}=${agentValue}` },
  );

export const isAgentPod = ({ metadata }: KubeObject): boolean =>
  metadata.namespace === namespace && metadata.labels?.[agentLabel] === agentValue;

export async function activeAgentPods(cluster: ClusterPort): Promise<readonly KubeObject[]> {
  return (await listAgentPods(cluster)).filter(isActive);
}

/**
 * Why the controller could not create a pod of the agent, for example because a policy rejects it. It reports that in
 * events only.
 * @param warnings events
 */
export function agentRejection(warnings: readonly KubeObject[]): string | undefined {
  const about = warnings.filter(({ involvedObject }) => {
    const { kind, ...other } = (involvedObject ?? {}) as Record<string, string | undefined>;
    return kind === agentRef.kind && other['name'] === name && other['namespace'] === namespace;
  });
  return newestMessage(about);
}

interface PodPlacement {
  readonly nodeName?: string;
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchFields?: readonly { readonly key: string; readonly values?: readonly string[] }[];
        }[];
      };
    };
  };
}

/** A pod that is not scheduled yet names its node only in the affinity that the DaemonSet controller adds. */
export function nodeOf(pod: KubeObject): string {
  const { nodeName, affinity } = (pod['spec'] ?? {}) as PodPlacement;
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return nodeName ?? fields.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

/** Whether a pod or a node is ready. */
export function isReady(object: KubeObject | undefined): boolean {
  const { conditions = [] } = (object?.['status'] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** The names of the nodes that are ready. */
export const readyNodes = (nodes: readonly KubeObject[]): ReadonlySet<string> =>
  new Set(nodes.filter(isReady).map(({ metadata }) => metadata.name));

/** A node reports its operating system when its kubelet has started. */
export function isLinux({ status }: KubeObject): boolean {
  const { nodeInfo } = (status ?? {}) as { readonly nodeInfo?: { readonly operatingSystem?: string } };
  return (nodeInfo?.operatingSystem ?? 'linux') === 'linux';
}

/** A node reports its container runtime when its kubelet has started. */
export const runtimeOf = ({ status }: KubeObject): string =>
  (status as NodeStatus | undefined)?.nodeInfo?.containerRuntimeVersion ?? '';

interface NodeStatus {
  readonly nodeInfo?: { readonly containerRuntimeVersion?: string };
}

/** @param runtime as a node reports it, for example `cri-o://1.34.0` */
export const isCrio = (runtime: string): boolean => runtime.startsWith('cri-o://');

type NodeSelector = Placement['nodeSelector'];

/** Whether a node has the labels of a node selector. */
export const isSelected = ({ metadata: { labels = {} } }: KubeObject, nodeSelector: NodeSelector): boolean =>
  Object.entries(nodeSelector).every(([key, value]) => labels[key] === value);

/**
 * Creates the function that finds a node without an agent on which pods run or, before one of them is scheduled, may run.
 * The agent does not run on nodes that `nodes.nodeSelector` leaves out, or that do not run Linux.
 */
export function withoutAgent(
  nodes: readonly KubeObject[],
  nodeSelector: NodeSelector,
): (pods: Placement) => string | undefined {
  const without = nodes.filter((node) => !isLinux(node) || !isSelected(node, nodeSelector));
  return (pods) => {
    // Images for Linux do not start on other nodes, which usually have a taint for this reason.
    const wanted = { 'kubernetes.io/os': 'linux', ...pods.nodeSelector };
    const found = without.find((node) =>
      pods.nodes.length > 0 ? pods.nodes.includes(node.metadata.name) : isSelected(node, wanted),
    );
    return found?.metadata.name;
  };
}
