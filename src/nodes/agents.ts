import { isDeepStrictEqual } from 'node:util';
import { refOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { oldestFirst } from '../cluster/events.ts';
import {
  activeAgentPods,
  agentRef,
  isLinux,
  isReady,
  listAgentPods,
  nodeOf,
  readyNodes,
} from '../cluster/nodes.ts';
import { diagnosePod, remedyFor, short, waitOf } from '../cluster/pod-failure.ts';
import { nodeAccessName, nodeNamespace, probeHost } from '../core/ownership.ts';
import { isSelected } from './access.ts';
import type { NodesContext, NodesRun } from './context.ts';
import { cleanupLabel } from './objects.ts';

/** What is known about one node. */
export interface NodeAccess {
  readonly name: string;
  /** As the node reports it: `containerd://2.2.9`. */
  readonly runtime: string;
  readonly state:
    /** The probe was pulled through the mirror. */
    | 'active'
    /** The agent or the probe has not started yet. */
    | 'starting'
    /** The container runtime ignores the files. */
    | 'inactive'
    /** Something prevents the agent from keeping the files, or the probe from being pulled. */
    | 'failing'
    /** The agent cannot run there now, or at all. */
    | 'skipped';
  readonly why: string;
  /** Missing if waiting is enough. */
  readonly hint?: string;
}

interface NodeStatus {
  readonly nodeInfo?: { readonly containerRuntimeVersion?: string };
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: {
    readonly running?: unknown;
    readonly terminated?: { readonly exitCode?: number };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
  };
}

/** Reads the state of every node that the configuration selects. */
export async function readNodeAccess(ctx: NodesContext): Promise<readonly NodeAccess[]> {
  const { inventory, cluster, config } = ctx;
  const [nodes, pods, agent] = await Promise.all([
    inventory.nodes(),
    activeAgentPods(cluster),
    cluster.get(agentRef),
  ]);
  const byNode = new Map(pods.map((pod) => [nodeOf(pod), pod]));
  const selected = nodes.filter((node) => isSelected(node, config.nodes.nodeSelector));
  const failsToStart = selected.some(({ metadata }) => !isReady(byNode.get(metadata.name)));
  const warnings = failsToStart ? await inventory.warnings() : [];
  const read = { agent, warnings, region: config.aws.region };
  const states = selected.map((node) => stateOf(node, byNode.get(node.metadata.name), read));
  const logged = states.filter(({ log }) => log !== undefined).slice(0, maxLogs);
  return Promise.all(states.map(async (state) => (logged.includes(state) ? withLog(state, cluster) : state)));
}

/** A new agent is unready for some seconds, on every node of a cluster. */
const maxLogs = 10;

async function withLog(state: NodeState, cluster: ClusterPort): Promise<NodeAccess> {
  if (!state.log) return state;
  const line = await cluster.lastLogLine(state.log.pod, state.log.container);
  return { ...state, why: short(line ?? '') || state.why };
}

/** The pods on nodes that are not ready, terminating ones too: no kubelet ends them. */
export async function lostAgentPods({ cluster, inventory }: NodesContext): Promise<readonly KubeObject[]> {
  const [nodes, pods] = await Promise.all([inventory.nodes(), listAgentPods(cluster)]);
  const ready = readyNodes(nodes);
  return pods.filter((pod) => !ready.has(nodeOf(pod)));
}

/**
 * Deletes agents that failed to pull an image. The kubelet waits up to five minutes before it retries, and the steps
 * before this one may have fixed the cause: an expired token, a missing image. A new pod also gets the newest token at
 * once.
 */
export async function recreateStuckAgents({ ctx, emit, looksOnly = false }: NodesRun): Promise<void> {
  if (looksOnly) return;
  for (const pod of await activeAgentPods(ctx.cluster)) {
    const failure = diagnosePod(pod);
    if (failure?.image === undefined) continue;
    const { name, uid } = pod.metadata;
    emit({ type: 'note', text: `recreating pod ${name}: ${failure.why}` });
    await ctx.cluster.delete({ apiVersion: 'v1', kind: 'Pod', name, namespace: nodeNamespace }, { uid });
  }
}

/** The nodes whose pod has removed the files. */
export async function cleanNodes(ctx: NodesContext): Promise<ReadonlySet<string>> {
  const pods = await activeAgentPods(ctx.cluster);
  return new Set(
    pods.filter((pod) => pod.metadata.labels?.[cleanupLabel] === 'true' && isReady(pod)).map(nodeOf),
  );
}

/** Every node on which an agent runs or ran, with whether the node is ready. */
export async function agentNodes(ctx: NodesContext): Promise<ReadonlyMap<string, boolean>> {
  const [nodes, pods] = await Promise.all([ctx.inventory.nodes(), activeAgentPods(ctx.cluster)]);
  const ready = readyNodes(nodes);
  return new Map(pods.map((pod) => [nodeOf(pod), ready.has(nodeOf(pod))]));
}

interface NodeState extends NodeAccess {
  /** The container whose last log line is the reason. */
  readonly log?: { readonly pod: ObjectRef; readonly container: string };
}

interface Observed {
  readonly agent: KubeObject | undefined;
  readonly warnings: readonly KubeObject[];
  readonly region: string;
}

function stateOf(
  node: KubeObject,
  pod: KubeObject | undefined,
  { agent: daemonSet, warnings, region }: Observed,
): NodeState {
  const { name } = node.metadata;
  const { nodeInfo = {} } = (node['status'] ?? {}) as NodeStatus;
  const base = { name, runtime: nodeInfo.containerRuntimeVersion ?? '' };
  const skipped = (why: string, hint: string): NodeState => ({ ...base, state: 'skipped', why, hint });
  if (!isLinux(node)) {
    return skipped('its operating system is not Linux', 'Give its workloads the names of images in ECR.');
  }
  if (!isReady(node)) return skipped('it is not ready', `Find out why: kubectl describe node ${name}`);
  if (!pod) return withoutPod(base, warnings);
  if (isRollingOut(daemonSet) && !isCurrent(pod, daemonSet))
    return { ...base, state: 'starting', why: 'its agent is being replaced' };
  const failure = diagnosePod(pod, warnings);
  if (isIgnored(failure?.why)) {
    const why = `${base.runtime || 'its container runtime'} does not use the files in /etc/containerd/certs.d`;
    return { ...base, state: 'inactive', why };
  }
  const { write, agent, probe } = containerStatuses(pod);
  const unready = hasFailed(write) ? write : agent?.state?.running && !agent.ready ? agent : undefined;
  if (unready) {
    const log = { pod: refOf(pod), container: unready.name };
    const hint = logsHint(pod, unready.name);
    return { ...base, state: 'failing', why: 'its agent is not ready', hint, log };
  }
  if (failure?.cause === 'unschedulable') {
    const hint = `Make room on the node: kubectl describe node ${name}`;
    return { ...base, state: 'failing', why: failure.why, hint };
  }
  if (failure) {
    return { ...base, state: 'failing', why: failure.why, hint: remedyFor(failure, pod, region) };
  }
  if (hasRun(probe) && agent?.ready === true)
    return { ...base, state: 'active', why: 'the probe was pulled' };
  return { ...base, state: 'starting', why: waitOf(pod) ?? 'its agent is starting' };
}

/** Whether some pods may still have an older template. */
function isRollingOut(daemonSet: KubeObject | undefined): boolean {
  const {
    observedGeneration = 0,
    updatedNumberScheduled,
    desiredNumberScheduled,
  } = (daemonSet?.['status'] ?? {}) as {
    observedGeneration?: number;
    updatedNumberScheduled?: number;
    desiredNumberScheduled?: number;
  };
  const isObserved = observedGeneration >= (daemonSet?.metadata.generation ?? 0);
  return !isObserved || (updatedNumberScheduled ?? 0) < (desiredNumberScheduled ?? 0);
}

/** Whether the pod has the containers of the current template. Admission webhooks may have changed them. */
function isCurrent(pod: KubeObject, daemonSet: KubeObject | undefined): boolean {
  const { template } = (daemonSet?.['spec'] ?? {}) as { template?: { spec?: Containers } };
  const { containers: running = [] } = (pod['spec'] ?? {}) as Containers;
  return (template?.spec?.containers ?? []).every(({ name, image, command }) =>
    running.some(
      (one) => one.name === name && one.image === image && isDeepStrictEqual(one.command, command),
    ),
  );
}

interface Containers {
  readonly containers?: readonly {
    readonly name: string;
    readonly image: string;
    readonly command?: readonly string[];
  }[];
}

/** The controller reports in events why it cannot create a pod, for example because a policy rejects it. */
function withoutPod(base: Pick<NodeAccess, 'name' | 'runtime'>, warnings: readonly KubeObject[]): NodeState {
  const about = warnings.filter(({ involvedObject }) => {
    const { kind, name, namespace } = (involvedObject ?? {}) as Record<string, string | undefined>;
    return kind === agentRef.kind && name === agentRef.name && namespace === nodeNamespace;
  });
  const message = oldestFirst(about).at(-1)?.['message'];
  if (typeof message !== 'string') return { ...base, state: 'starting', why: 'it has no agent yet' };
  return {
    ...base,
    state: 'failing',
    why: short(message) || 'its agent could not be created',
    hint: `Change what rejects the pods of the DaemonSet: kubectl -n ${nodeNamespace} describe daemonset ${nodeAccessName}`,
  };
}

/**
 * Whether the runtime looked for the probe at its own host: it then does not know the mirror. With the mirror, every
 * error names the host of ECR.
 */
const isIgnored = (message = ''): boolean =>
  message.includes(`https://${probeHost}/`) || message.includes(`lookup ${probeHost}`);

/** It runs, or it ended after its hour and will be pulled again. */
const hasRun = (status: ContainerStatus | undefined): boolean =>
  status?.state?.running !== undefined || status?.state?.terminated?.exitCode === 0;

/** It exited with an error, and the kubelet restarts it later. */
const hasFailed = (status: ContainerStatus | undefined): status is ContainerStatus =>
  Boolean(status?.state?.terminated?.exitCode) || status?.state?.waiting?.reason === 'CrashLoopBackOff';

type Statuses = Readonly<Partial<Record<'write' | 'agent' | 'probe', ContainerStatus>>>;

function containerStatuses({ status }: KubeObject): Statuses {
  const { initContainerStatuses = [], containerStatuses: statuses = [] } = (status ?? {}) as Readonly<
    Partial<Record<'initContainerStatuses' | 'containerStatuses', readonly ContainerStatus[]>>
  >;
  return Object.fromEntries([...initContainerStatuses, ...statuses].map((one) => [one.name, one]));
}

const logsHint = ({ metadata }: KubeObject, container: string): string =>
  `Remove the cause; the agent continues by itself. Its log: kubectl -n ${nodeNamespace} logs ${metadata.name} -c ${container}`;
