import { refOf } from '../clients/kubernetes/names.ts';
import { nodeAccessName, nodeNamespace } from '../core/ownership.ts';
import { waitFor } from '../core/wait.ts';
import type { ClusterContext, ClusterRun } from './context.ts';
import { activeAgentPods, agentRejection, isReady, nodeOf, readyNodes } from './nodes.ts';

/** Permissions that {@link testReplacement} needs. */
export const replacementRights = [
  { apiGroups: [''], resources: ['nodes', 'pods', 'events'], verbs: ['list'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
] as const;

/** Time for a kubelet to end the pod and for the controller to create another. */
const deadlineMs = 60_000;

type ReplacementRun = Pick<ClusterRun, 'signal' | 'emit'> & {
  readonly ctx: ClusterContext & { fresh(): ClusterContext };
};

/**
 * Replaces the agent of one node before those of all nodes are. Otherwise a policy that rejects these pods, but was
 * introduced after they were created, would leave every node without an agent.
 * @throws BootstrapError `not-ready` if the cluster does not create another pod; the other nodes keep their agents
 */
export async function testReplacement(run: ReplacementRun): Promise<void> {
  const { cluster } = run.ctx;
  const [pods, nodes] = await Promise.all([activeAgentPods(cluster), run.ctx.fresh().inventory.nodes()]);
  const reachable = readyNodes(nodes);
  const pod = pods.find((one) => isReady(one) && reachable.has(nodeOf(one)));
  if (!pod) return;
  const [node, { uid }] = [nodeOf(pod), pod.metadata];
  await cluster.delete(refOf(pod), { uid });
  const wait = {
    what: `a new agent on node ${node}; the other nodes keep theirs`,
    deadlineMs,
    hint: `Change what rejects the pods of the DaemonSet: \`kubectl -n ${nodeNamespace} describe daemonset ${nodeAccessName}\`. Then run the same command again.`,
  };
  await waitFor(run, wait, async (pending) => {
    const current = await activeAgentPods(cluster);
    if (current.some((one) => nodeOf(one) === node && one.metadata.uid !== uid)) return true;
    const warnings = await run.ctx.fresh().inventory.warnings();
    return pending(agentRejection(warnings) ?? 'the cluster has not created it yet');
  });
}
