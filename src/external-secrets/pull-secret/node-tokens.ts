import type { ObjectRef } from '../../clients/kubernetes/port.ts';
import {
  activeAgentPods,
  agentRef,
  filesRef,
  filesSecretRef,
  isReady,
  nodeOf,
  readyNodes,
} from '../../cluster/nodes.ts';
import { replacementRights, testReplacement } from '../../cluster/agent-replacement.ts';
import { annotations, nodeAccessName, nodeNamespace, operatorNamespace } from '../../core/ownership.ts';
import { waitFor } from '../../core/wait.ts';
import type { ExternalSecretsRun } from '../context.ts';
import { annotate } from '../force-sync.ts';
import { tokenExpiry } from '../tokens.ts';

/** Permissions that {@link renewNodeTokens} needs, in addition to those for syncs. */
export const nodeTokenRights = [
  { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['get', 'patch'] },
  ...replacementRights,
] as const;

/** For the operator to write the Secret, whose sync was forced before. */
const secretDeadlineMs = 30_000;
/** Without progress on any node. */
const agentsDeadlineMs = 180_000;

/**
 * Makes nodes use the current token of the pull secret, if they pull with files that contain it. A kubelet refreshes a
 * mounted Secret after 60 to 90 s and does not report that. Therefore the agents are restarted: a new pod mounts the
 * current Secret, and is ready when it has written the files. Meanwhile nodes pull with the earlier token. A node on
 * which the agent was not ready before, or that is not ready, is not waited for.
 * @throws BootstrapError `not-ready` when the Secret or a node did not get the token in time
 */
export async function renewNodeTokens(run: ExternalSecretsRun): Promise<void> {
  const { cluster } = run.ctx;
  if (!(await cluster.get(await filesRef(cluster)))) return;
  const expiry = await waitForSecret(run);
  const agent = await cluster.get(agentRef);
  if (!agent) return;
  const nodes = new Set((await activeAgentPods(cluster)).filter(isReady).map(nodeOf));
  await testReplacement(run);
  await annotate(cluster, agent, {
    parent: '/spec/template/metadata',
    key: annotations.expiresAt,
    value: expiry,
  });
  await waitForAgents(run, nodes, expiry);
}

/** @returns when the token in the Secret expires, as in its annotation */
function waitForSecret(run: ExternalSecretsRun): Promise<string> {
  const { cluster, config } = run.ctx;
  const source: ObjectRef = { ...filesSecretRef, name: config.pullSecret.name, namespace: operatorNamespace };
  const wait = {
    what: `the new token in Secret ${nodeNamespace}/${nodeAccessName}`,
    deadlineMs: secretDeadlineMs,
    hint: 'Run `ecr-bootstrap status` to find the cause.',
  };
  return waitFor(run, wait, async (pending) => {
    const [copy, original] = await Promise.all([cluster.get(filesSecretRef), cluster.get(source)]);
    const expiry = copy && tokenExpiry(copy);
    if (expiry !== undefined && expiry >= ((original && tokenExpiry(original)) ?? 0))
      return String(expiry / 1000);
    return pending('the operator has not written it yet');
  });
}

async function waitForAgents(
  run: ExternalSecretsRun,
  nodes: ReadonlySet<string>,
  expiry: string,
): Promise<void> {
  const wait = {
    what: 'the agents on nodes to use the new token',
    deadlineMs: agentsDeadlineMs,
    hint: 'Run `ecr-bootstrap status --only node-access` to find the cause. Then run the same command again: it does not wait for nodes whose agent is not ready.',
  };
  await waitFor(run, wait, async (pending) => {
    const [pods, all] = await Promise.all([
      activeAgentPods(run.ctx.cluster),
      run.ctx.fresh().inventory.nodes(),
    ]);
    const renewed = new Set(
      pods
        .filter((pod) => isReady(pod) && pod.metadata.annotations?.[annotations.expiresAt] === expiry)
        .map(nodeOf),
    );
    const left = [...readyNodes(all)].filter((name) => nodes.has(name) && !renewed.has(name));
    const [first] = left;
    if (first === undefined) return true;
    const why = `${left.length} of ${nodes.size} left, for example ${first}`;
    return pending(why, { left: left.length, of: nodes.size });
  });
}
