import type { ControlPlane } from './control-plane.ts';
import { isNodeReady, type Node, type Taint } from './node-machine.ts';
import { isReady, type Pod } from './pods.ts';
import { withCondition } from './store.ts';

/** The taints of the node controllers. */
const managedTaint = /^node\.kubernetes\.io\/(not-ready|unreachable|unschedulable)$/;

/** The node lifecycle controller: taints nodes by their conditions, and marks the pods of lost nodes as not ready. */
export function watchNodes(plane: ControlPlane): void {
  const { store, clock } = plane;
  for (const node of store.list<Node>('Node')) {
    const others = node.spec?.taints?.filter(({ key }) => !managedTaint.test(key)) ?? [];
    const taints = [...others, ...taintsOf(node)];
    if (taints.length > 0 || node.spec?.taints) store.put({ ...node, spec: { ...node.spec, taints } });
    if (isNodeReady(node)) continue;
    for (const pod of store.list<Pod>('Pod')) {
      if (pod.spec.nodeName !== node.metadata.name || !isReady(pod)) continue;
      const conditions = withCondition(
        pod.status?.conditions,
        { type: 'Ready', status: 'False' },
        clock.now(),
      );
      plane.setStatus(pod, { ...pod.status, conditions });
    }
  }
}

function taintsOf(node: Node): Taint[] {
  const key = (name: string) => `node.kubernetes.io/${name}`;
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const name = ready?.status === 'Unknown' ? 'unreachable' : 'not-ready';
  const lost = isNodeReady(node) ? [] : ['NoSchedule', 'NoExecute'];
  return [
    ...(node.spec?.unschedulable ? [{ key: key('unschedulable'), effect: 'NoSchedule' }] : []),
    ...lost.map((effect) => ({ key: key(name), effect })),
  ];
}
