import { filesRef } from '../cluster/nodes.ts';
import { BootstrapError } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { nodeNamespace } from '../core/ownership.ts';
import type { MemberFailure } from '../core/step.ts';
import type { Target } from '../core/target.ts';
import { contextsOf, waitFor } from '../core/wait.ts';
import { syncFindings } from '../external-secrets/sync.ts';
import { type NodeAccess, readNodeAccess, recreateStuckAgents } from './agents.ts';
import type { NodesContext, NodesRun } from './context.ts';
import { noNodeFinding } from './diff.ts';
import { waitForFiles } from './files.ts';
import { runtimeAdvice } from './runtime-advice.ts';
import { tokenFindings } from './token.ts';

/** Time for all nodes to pull the agent and the probe, which they do at the same time. */
const deadlineMs = 180_000;
const intervalMs = 2000;

/** Waits until every node pulls from ECR, or is known not to. Nodes that are not ready are not waited for. */
export async function waitForNodes(run: NodesRun): Promise<readonly MemberFailure[]> {
  const unsynced = await waitForFiles(run);
  await recreateStuckAgents(run);
  let nodes: readonly NodeAccess[] = [];
  const nextContext = contextsOf<NodesContext>(run);
  try {
    await waitFor(run, { what: 'nodes to pull from ECR', deadlineMs, intervalMs }, async (pending) => {
      nodes = await readNodeAccess(nextContext());
      const waiting = nodes.filter(({ state }) => !['active', 'inactive', 'skipped'].includes(state));
      const [first] = waiting;
      if (!first) return true;
      return pending(`${waiting.length} of ${nodes.length} nodes, ${first.name}: ${first.why}`);
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
  }
  if (nodes.length === 0) run.emit({ type: 'finding', finding: noNodeFinding });
  for (const node of nodes.filter(({ state }) => state === 'skipped')) {
    run.emit({ type: 'finding', finding: nodeFinding(node) });
  }
  const failed = nodes.filter(({ state }) => state !== 'active' && state !== 'skipped');
  const inactive = failed.map((node) => {
    const found = nodeFinding(node);
    const { target, what, why } = found;
    const hint = found.lines
      ? 'Run `ecr-bootstrap status --only node-access`, which shows what to change on the node.'
      : found.hint;
    return { target, error: new BootstrapError({ code: 'node-mirror-inactive', what, why, hint }) };
  });
  return [...unsynced, ...inactive];
}

/**
 * Whether the files are synced, and one finding per node.
 * @param hasAgent whether the DaemonSet exists, without which no node gets an agent
 */
export async function nodesHealth(ctx: NodesContext, hasAgent: boolean): Promise<readonly Finding[]> {
  const [files, nodes, token] = await Promise.all([
    filesRef(ctx.cluster).then((ref) => ctx.cluster.get(ref)),
    readNodeAccess(ctx),
    tokenFindings(ctx),
  ]);
  const withHint = (node: NodeAccess): NodeAccess =>
    hasAgent || node.state !== 'starting' ? node : { ...node, hint: 'Run `ecr-bootstrap up`.' };
  return [
    ...(await syncFindings(files ? [files] : [], ctx)),
    ...token,
    ...(nodes.length === 0 ? [noNodeFinding] : []),
    ...nodes.map((node) => nodeFinding(withHint(node))),
  ];
}

/** What `status` reports about a node. */
export function nodeFinding(node: NodeAccess): Finding {
  const { name, why, hint = 'Nothing to do.' } = node;
  const target: Target = { kind: 'Node', name };
  switch (node.state) {
    case 'active':
      return finding('ok', { target, what: `node ${name} pulls from ECR`, why, hint });
    case 'skipped':
      return finding('node-skipped', { target, what: `node ${name} does not pull from ECR`, why, hint });
    case 'inactive':
      return finding('node-mirror-inactive', {
        target,
        what: `node ${name} does not pull from ECR`,
        why,
        ...adviceFor(node),
      });
    case 'new':
      return finding('node-agent-starting', {
        target,
        what: `the agent on node ${name} is starting`,
        why,
        hint: 'Run `ecr-bootstrap status --wait`.',
        isTemporary: true,
      });
    case 'failing':
    case 'starting':
      return finding('node-agent-unready', {
        target,
        what: `the agent on node ${name} is not ready`,
        why,
        hint: node.hint ?? 'Wait a minute, then run `ecr-bootstrap status` again.',
      });
  }
}

function adviceFor({ name, runtime, pod }: NodeAccess): Pick<Finding, 'hint' | 'lines'> {
  const advice = runtimeAdvice(runtime);
  if (!advice) return { hint: `Make ${runtime || 'its container runtime'} read /etc/containerd/certs.d.` };
  // The kubelet itself tries again after up to five minutes.
  const test =
    pod === undefined ? '' : `; to test it at once: \`kubectl -n ${nodeNamespace} delete pod ${pod}\``;
  const { lines, restart } = advice;
  if (!lines) return { hint: `On ${name}, run: \`${restart}\`. Running containers continue${test}` };
  return { hint: `On ${name}, make these changes, then run: \`${restart}\`${test}`, lines };
}
