import { type ControlPlane, remembered, shortHash } from './control-plane.ts';
import type { Node } from './node-machine.ts';
import { isReady, isTerminating, type Pod, type PodSpec, type Toleration } from './pods.ts';
import { accepts, selects } from './scheduler.ts';
import { createPod, podsOf, type Workload } from './workloads.ts';

/** Identifies the template of a pod. */
const revisionLabel = 'controller-revision-hash';

interface DaemonSet extends Workload {
  spec: Workload['spec'] & {
    updateStrategy?: { type?: string; rollingUpdate?: { maxUnavailable?: number | string } };
  };
}

/** The DaemonSet controller: one pod on each node that the template selects and whose taints it tolerates. */
export function runDaemonSets(plane: ControlPlane): void {
  for (const set of plane.store.list<DaemonSet>('DaemonSet')) runDaemonSet(plane, set);
}

function runDaemonSet(plane: ControlPlane, set: DaemonSet): void {
  const { store } = plane;
  const { template } = set.spec;
  const revision = hashOf(template);
  const spec = withTolerations(template.spec);
  const nodes = store.list<Node>('Node').filter((node) => selects(node, spec));
  const desired = nodes.filter((node) => accepts(node, spec));
  const onNode = ({ metadata }: Node) =>
    podsOf(plane, set).filter((pod) => pod.spec.nodeName === metadata.name);

  // As in the real controller, a pod stays on a node whose taints only prevent new pods.
  const staying = nodes
    .filter((node) => accepts(node, spec, ['NoExecute']))
    .map(({ metadata }) => metadata.name);
  for (const pod of podsOf(plane, set)) {
    if (!staying.includes(pod.spec.nodeName ?? ''))
      store.delete('Pod', pod.metadata.name, pod.metadata.namespace);
  }
  for (const pod of outdated(set, desired, onNode, revision))
    store.delete('Pod', pod.metadata.name, pod.metadata.namespace);
  for (const node of desired) {
    // A terminating pod keeps its place: on a lost node, its containers may still run.
    if (onNode(node).length === 0)
      createPod(plane, set, { nodeName: node.metadata.name, spec, label: [revisionLabel, revision] });
  }

  const pods = desired.map((node) => onNode(node).find((pod) => !isTerminating(pod)));
  const ready = pods.filter((pod) => pod !== undefined && isReady(pod)).length;
  plane.setStatus(set, {
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: desired.length,
    currentNumberScheduled: pods.filter((pod) => pod !== undefined).length,
    numberMisscheduled: podsOf(plane, set).length - desired.flatMap(onNode).length,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: desired.length - ready,
    updatedNumberScheduled: pods.filter((pod) => pod !== undefined && revisionOf(pod) === revision).length,
  });
}

const hashOf = remembered((template: Workload['spec']['template']) => shortHash(template));

const revisionOf = ({ metadata }: Pod): string | undefined => metadata.labels?.[revisionLabel];

/** The pods of older templates to replace now: all that are not ready, and as many others as may be unavailable. */
function outdated(
  { spec: { updateStrategy } }: DaemonSet,
  desired: readonly Node[],
  onNode: (node: Node) => Pod[],
  revision: string,
): Pod[] {
  if (updateStrategy?.type === 'OnDelete') return [];
  const maxUnavailable = amountOf(updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired.length);
  const pods = desired.map((node) => onNode(node).find((pod) => !isTerminating(pod)));
  const old = pods.filter((pod) => pod !== undefined).filter((pod) => revisionOf(pod) !== revision);
  const unavailable = pods.filter((pod) => pod === undefined || !isReady(pod)).length;
  const candidates = old.filter(isReady).slice(0, Math.max(0, maxUnavailable - unavailable));
  return [...old.filter((pod) => !isReady(pod)), ...candidates];
}

/** @param amount a number or a percentage of the total, which is rounded up */
const amountOf = (amount: number | string, total: number): number =>
  typeof amount === 'number' ? amount : Math.ceil((parseFloat(amount) / 100) * total);

/** The tolerations that the controller adds to each pod. */
function withTolerations(spec: PodSpec): PodSpec {
  const added: Toleration[] = [
    ['not-ready', 'NoExecute'],
    ['unreachable', 'NoExecute'],
    ['disk-pressure', 'NoSchedule'],
    ['memory-pressure', 'NoSchedule'],
    ['pid-pressure', 'NoSchedule'],
    ['unschedulable', 'NoSchedule'],
    ...(spec.hostNetwork ? [['network-unavailable', 'NoSchedule']] : []),
  ].map(([name = '', effect = '']) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect }));
  return { ...spec, tolerations: [...(spec.tolerations ?? []), ...added] };
}
