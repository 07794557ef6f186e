import { isDeepStrictEqual } from 'node:util';
import { refOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { newestMessage, oldestFirst } from '../cluster/events.ts';
import { recreatePods } from '../cluster/failing-pods.ts';
import {
  activeAgentPods,
  agentRef,
  agentRejection,
  isCrio,
  isLinux,
  isReady,
  isSelected,
  listAgentPods,
  nodeOf,
  readyNodes,
  runtimeOf,
} from '../cluster/nodes.ts';
import { isActive, isFinished } from '../cluster/workloads.ts';
import { diagnosePod, remedyFor, short, waitOf } from '../cluster/pod-failure.ts';
import { BootstrapError, onlyBootstrapError } from '../core/errors.ts';
import { annotations, nodeAccessName, nodeNamespace, probeHost } from '../core/ownership.ts';
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
    /** The same, less than a minute after the pod was created, and without any sign of a problem. */
    | 'new'
    /** The container runtime ignores the files. */
    | 'inactive'
    /** Something prevents the agent from keeping the files, or the probe from being pulled. */
    | 'failing'
    /** The agent cannot run there now, or at all. */
    | 'skipped';
  readonly why: string;
  /** Missing if waiting is enough. */
  readonly hint?: string;
  /** The pod of the agent, if a new one would test the node again. */
  readonly pod?: string;
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

/**
 * Reads the state of every node that the configuration selects.
 * @param among the nodes to read, by default all
 */
export async function readNodeAccess(
  ctx: NodesContext,
  among: Promise<readonly KubeObject[]> = ctx.inventory.nodes(),
): Promise<readonly NodeAccess[]> {
  const { cluster, config, clock, inventory } = ctx;
  const [nodes, agent] = await Promise.all([among, cluster.get(agentRef)]);
  // Scripts and commands are compared during a roll-out only.
  const pods = await (isRollingOut(agent) ? listAgentPods(cluster) : inventory.agentPods());
  const byNode = new Map(pods.filter(isActive).map((pod) => [nodeOf(pod), pod]));
  const ended = new Map(oldestFirst(pods.filter(isFinished)).map((pod) => [nodeOf(pod), pod]));
  const selected = nodes.filter((node) => isSelected(node, config.nodes.nodeSelector));
  const failsToStart = selected.some(({ metadata }) => !isReady(byNode.get(metadata.name)));
  const warnings = failsToStart ? await agentWarnings(cluster) : [];
  const read = { agent, warnings, ended, region: config.aws.region, now: clock.now() };
  const states = selected.map((node) => stateOf(node, byNode.get(node.metadata.name), read));
  const logged = states.filter(({ log }) => log !== undefined).slice(0, maxLogs);
  return Promise.all(states.map(async (state) => (logged.includes(state) ? withLog(state, cluster) : state)));
}

const agentWarnings = (cluster: ClusterPort): Promise<readonly KubeObject[]> =>
  cluster.list(
    { apiVersion: 'v1', kind: 'Event' },
    { namespace: nodeNamespace, fieldSelector: 'type=Warning' },
  );

/** A new agent is unready for some seconds, on every node of a cluster. */
const maxLogs = 10;

/** Logs come from the kubelet, which the API server may not reach, so a log that cannot be read is only a lost detail. */
async function withLog(state: NodeState, cluster: ClusterPort): Promise<NodeAccess> {
  if (!state.log) return state;
  const line = await cluster.lastLogLine(state.log.pod, state.log.container).catch(onlyBootstrapError);
  if (line === undefined || line instanceof BootstrapError) return state;
  if (state.state === 'new' && (line.trim() === '' || line.startsWith(readyLine))) return state;
  const why = short(line) || state.why;
  const hint = hintsOnLog.find(([text]) => why.includes(text))?.[1];
  return { ...state, state: 'failing', why, hint: hint ?? logsHint(state.log.pod.name, state.log.container) };
}

/** What the agent prints when nothing is wrong. */
const readyLine = 'ready; ';

const otherImage =
  'Set nodes.image to an image that has the platform of this node, under another name or tag.';

const makeRoom = (node: string): string => `Make room on the node: kubectl describe node ${node}`;

/** What the agent logs about a file that it leaves alone. */
export const managedByOthers = 'is managed by another program';

/** Fixes by a text in the agent's log. */
const hintsOnLog: readonly (readonly [text: string, hint: string])[] = [
  [
    managedByOthers,
    'Delete this file on the node, or leave its registry out: list the others in nodes.hosts. The agent then continues by itself.',
  ],
  [
    'has an entry for',
    'Delete this entry on the node, or leave its registry out: list the others in nodes.hosts. The agent then continues by itself.',
  ],
  [
    'sets global_auth_file',
    'CRI-O reads logins from one file. Delete this setting on the node, or leave the node out with nodes.nodeSelector.',
  ],
  [
    'and was not renewed',
    'Run `ecr-bootstrap status`, which shows why the operator does not renew it. Then run `ecr-bootstrap up`.',
  ],
  ['exec format error', otherImage],
];

/** The pods on nodes that are not ready, terminating ones too: no kubelet ends them. */
export async function lostAgentPods({ cluster, inventory }: NodesContext): Promise<readonly KubeObject[]> {
  const [nodes, pods] = await Promise.all([inventory.nodes(), listAgentPods(cluster)]);
  const ready = readyNodes(nodes);
  return pods.filter((pod) => !ready.has(nodeOf(pod)));
}

/** Deletes agents that failed to pull an image. A new pod also gets the newest token at once. */
export async function recreateStuckAgents(run: NodesRun): Promise<void> {
  if (run.isReadOnly) return;
  const pods = await activeAgentPods(run.ctx.cluster);
  const failing = pods.map((pod) => ({ pod, failure: diagnosePod(pod) }));
  await recreatePods(
    failing.flatMap(({ pod, failure }) => (failure ? { pod, failure } : [])),
    run,
  );
}

/** The nodes whose pod has removed the files. */
export async function cleanNodes(ctx: NodesContext): Promise<ReadonlySet<string>> {
  const pods = await activeAgentPods(ctx.cluster);
  return new Set(
    pods.filter((pod) => pod.metadata.labels?.[cleanupLabel] === 'true' && isReady(pod)).map(nodeOf),
  );
}

/** The nodes on which an agent runs or ran. */
export async function agentNodes({ cluster }: NodesContext): Promise<readonly string[]> {
  return (await activeAgentPods(cluster)).map(nodeOf);
}

interface NodeState extends NodeAccess {
  /** The container whose last log line is the reason. */
  readonly log?: { readonly pod: ObjectRef; readonly container: string };
}

interface Observed {
  readonly agent: KubeObject | undefined;
  readonly warnings: readonly KubeObject[];
  /** The last pod of each node that ended. */
  readonly ended: ReadonlyMap<string, KubeObject>;
  readonly region: string;
  /** In milliseconds since the epoch. */
  readonly now: number;
}

function stateOf(
  node: KubeObject,
  pod: KubeObject | undefined,
  { agent: daemonSet, warnings, ended, region, now }: Observed,
): NodeState {
  const { name } = node.metadata;
  const base = { name, runtime: runtimeOf(node) };
  const skipped = (why: string, hint: string): NodeState => ({ ...base, state: 'skipped', why, hint });
  if (!isLinux(node)) {
    return skipped('its operating system is not Linux', 'Give its workloads the names of images in ECR.');
  }
  if (!isReady(node)) return skipped('it is not ready', `Find out why: kubectl describe node ${name}`);
  if (!pod) return withoutPod(base, warnings, ended.get(name));
  if (isRollingOut(daemonSet) && !isCurrent(pod, daemonSet))
    return { ...base, state: 'starting', why: 'its agent is being replaced' };
  const failure = diagnosePod(pod, warnings);
  if (isIgnored(failure?.why)) {
    const folder = isCrio(base.runtime) ? '/etc/containers/registries.conf.d' : '/etc/containerd/certs.d';
    const why = `${base.runtime || 'its container runtime'} does not use the files in ${folder}`;
    return { ...base, state: 'inactive', why, pod: pod.metadata.name };
  }
  const { write, agent, probe } = containerStatuses(pod);
  const isNew = isYoung(pod, now);
  const unready = hasFailed(write) ? write : agent?.state?.running && !agent.ready ? agent : undefined;
  if (unready) {
    const log = { pod: refOf(pod), container: unready.name };
    if (isNew && unready !== write && !failure) return { ...base, state: 'new', why: starting, log };
    const hint = logsHint(pod.metadata.name, unready.name);
    return { ...base, state: 'failing', why: 'its agent is not ready', hint, log };
  }
  if (failure?.cause === 'unschedulable') {
    return { ...base, state: 'failing', why: failure.why, hint: makeRoom(name) };
  }
  if (failure) {
    const hint = failure.cause === 'platform' ? otherImage : remedyFor(failure, pod, region);
    return { ...base, state: 'failing', why: failure.why, hint };
  }
  if (isPulled(probe) && agent?.ready === true)
    return { ...base, state: 'active', why: 'the probe was pulled' };
  const warning = mountWarning(pod, warnings);
  const why = warning ?? waitOf(pod) ?? starting;
  return { ...base, state: isNew && warning === undefined ? 'new' : 'starting', why };
}

const starting = 'its agent is starting';
/** Milliseconds in which an agent and its probe usually start. */
const startMs = 60_000;

/** The clocks of this computer and of the cluster may differ a little. */
const isYoung = ({ metadata: { creationTimestamp = '' } }: KubeObject, now: number): boolean =>
  Math.abs(now - Date.parse(creationTimestamp)) < startMs;

/** The status of a pod does not say that a volume is missing, for example because a file system is read-only. */
function mountWarning({ metadata }: KubeObject, warnings: readonly KubeObject[]): string | undefined {
  const about = warnings.filter((event) => {
    const { involvedObject, reason } = event as { involvedObject?: { uid?: string }; reason?: string };
    return involvedObject?.uid === metadata.uid && reason === 'FailedMount';
  });
  const message = newestMessage(about);
  return message === undefined ? undefined : short(message);
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

/** Whether the pod has the script and the containers of the current template. Admission webhooks may have changed them. */
function isCurrent(pod: KubeObject, daemonSet: KubeObject | undefined): boolean {
  const { template } = (daemonSet?.['spec'] ?? {}) as { template?: PodTemplate };
  const digest = template?.metadata?.annotations?.[annotations.scriptDigest];
  if (pod.metadata.annotations?.[annotations.scriptDigest] !== digest) return false;
  const { containers: running = [] } = (pod['spec'] ?? {}) as Containers;
  return (template?.spec?.containers ?? []).every(({ name, image, command }) =>
    running.some(
      (one) => one.name === name && one.image === image && isDeepStrictEqual(one.command, command),
    ),
  );
}

interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Containers;
}

interface Containers {
  readonly containers?: readonly {
    readonly name: string;
    readonly image: string;
    readonly command?: readonly string[];
  }[];
}

function withoutPod(
  base: Pick<NodeAccess, 'name' | 'runtime'>,
  warnings: readonly KubeObject[],
  ended: KubeObject | undefined,
): NodeState {
  const rejection = agentRejection(warnings);
  if (rejection === undefined) {
    // The kubelet ends a pod, or does not admit it, for example if the disk of the node is full.
    const { message } = (ended?.['status'] ?? {}) as { readonly message?: string };
    if (message === undefined) return { ...base, state: 'starting', why: 'it has no agent yet' };
    const why = `the kubelet ended its agent: ${short(message)}`;
    return { ...base, state: 'failing', why, hint: makeRoom(base.name) };
  }
  return {
    ...base,
    state: 'failing',
    why: short(rejection) || 'its agent could not be created',
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
const isPulled = (status: ContainerStatus | undefined): boolean =>
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

const logsHint = (pod: string, container: string): string =>
  `Remove the cause; the agent continues by itself. Its log: kubectl -n ${nodeNamespace} logs ${pod} -c ${container}`;
