import type { ControlPlane } from './control-plane.ts';
import type { Node, Taint } from './node-machine.ts';
import type { Pod, PodSpec, Toleration } from './pods.ts';
import { matches } from './selectors.ts';
import { type Condition, withCondition } from './store.ts';

/** The node of a pod. The scheduler selects one if the pod names none; undefined when no node matches. */
export function schedule(plane: ControlPlane, pod: Pod): Node | undefined {
  const { store, clock } = plane;
  const nodes = store.list<Node>('Node');
  if (pod.spec.nodeName !== undefined)
    return nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName);
  const node = nodes.find((candidate) => selects(candidate, pod.spec) && accepts(candidate, pod.spec));
  if (node !== undefined) {
    store.put({ ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } });
    return node;
  }
  const message = `0/${nodes.length} nodes are available: none matches the pod's node selector and tolerations.`;
  const condition: Condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  plane.setStatus(pod, {
    phase: 'Pending',
    conditions: withCondition(pod.status?.conditions, condition, clock.now()),
  });
  plane.event(pod, 'Warning', 'FailedScheduling', message, 'default-scheduler');
  return undefined;
}

/** Whether the node selector and the required node affinity of a pod match a node. Terms are alternatives. */
export function selects({ metadata }: Node, { nodeSelector = {}, affinity }: PodSpec): boolean {
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    matches({ matchLabels: nodeSelector }, metadata.labels) &&
    (terms === undefined || terms.some((term) => matches(term, metadata.labels)))
  );
}

/** Whether a pod tolerates the taints of a node that have one of the effects. */
export const accepts = (
  { spec }: Node,
  { tolerations = [] }: Pick<PodSpec, 'tolerations'>,
  effects: readonly string[] = ['NoSchedule', 'NoExecute'],
): boolean =>
  (spec?.taints ?? [])
    .filter(({ effect }) => effects.includes(effect))
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));

const tolerates = ({ key, operator = 'Equal', value, effect }: Toleration, taint: Taint): boolean =>
  (key === undefined || key === taint.key) &&
  (operator === 'Exists' || (value ?? '') === (taint.value ?? '')) &&
  (effect === undefined || effect === taint.effect);
