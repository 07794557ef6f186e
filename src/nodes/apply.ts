import type { KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { testReplacement } from '../cluster/agent-replacement.ts';
import { agentRef, filesKind, filesRef, filesSecretRef, isLinux, isReady } from '../cluster/nodes.ts';
import { applyObjects, type ObjectChange } from '../cluster/objects.ts';
import { BootstrapError } from '../core/errors.ts';
import { skipped } from '../core/members.ts';
import type { Outcome } from '../core/step.ts';
import { waitFor } from '../core/wait.ts';
import { syncOf } from '../external-secrets/sync.ts';
import { agentNodes, cleanNodes, lostAgentPods } from './agents.ts';
import type { NodesRun } from './context.ts';
import { filesLeft, notMirroredFinding } from './diff.ts';
import { cleanupAgent, pullSecretRef } from './objects.ts';
import type { NodeAccessState } from './state.ts';

/** Applies the objects; the agent last, when the Secrets that its pods need exist. */
export async function applyNodeAccess(
  changes: readonly ObjectChange[],
  state: NodeAccessState,
  run: NodesRun,
): Promise<Outcome[]> {
  const isAgent = ({ kind }: KubeObject): boolean => kind === agentRef.kind;
  const startsAgent = ({ payload: { applies } }: ObjectChange): boolean =>
    applies !== undefined && isAgent(applies);
  const deleted = changes.flatMap(({ payload: { deletes, applies } }) =>
    deletes && !applies ? deletes : [],
  );
  if (deleted.length > 0) return removeAgent(deleted.find(isAgent), changes, run);
  reportPending(state, run);
  const early = changes
    .filter((change) => !startsAgent(change))
    .map((change) => withCompleteHosts(change, state));
  const late = changes.filter(startsAgent);
  if (late.length > 0 && state.missingImage !== undefined) {
    const error = withoutImage(state.missingImage);
    return [...skipped(early), ...late.map((change): Outcome => ({ change, result: 'failed', error }))];
  }
  const outcomes = await applyObjects(early, run);
  if (late.length === 0) return outcomes;
  if (outcomes.some(({ result }) => result !== 'done')) {
    return [...outcomes, ...skipped(late)];
  }
  await waitForSecrets(run);
  const agent = state.wanted.find(({ actual }) => actual && isAgent(actual))?.actual;
  if (agent) await prepareNodes(agent, state, run);
  return [...outcomes, ...(await applyObjects(late, run))];
}

/** Before the agents are replaced: removes the files from nodes that get no new agent. */
async function prepareNodes(
  agent: KubeObject,
  { deselected }: NodeAccessState,
  run: NodesRun,
): Promise<void> {
  await testReplacement(run);
  if (deselected.length === 0) return;
  const { nodeSelector } = run.ctx.config.nodes;
  await cleanUp({ nodes: deselected, agent: await cleanupAgent(agent, nodeSelector) }, run);
}

/** Removes the files from nodes, then the objects. A node that cannot remove its files does not prevent that. */
async function removeAgent(
  agent: KubeObject | undefined,
  changes: readonly ObjectChange[],
  run: NodesRun,
): Promise<Outcome[]> {
  if (agent) await cleanUp({ nodes: await agentNodes(run.ctx), agent: await cleanupAgent(agent) }, run);
  else await reportFiles(run);
  const isNamespace = ({ payload: { deletes } }: ObjectChange): boolean => deletes?.kind === 'Namespace';
  const outcomes = await applyObjects(
    changes.filter((change) => !isNamespace(change)),
    run,
  );
  const rest = changes.filter(isNamespace);
  if (outcomes.some(({ result }) => result !== 'done')) {
    return [...outcomes, ...skipped(rest)];
  }
  // Otherwise these pods, and so the namespace, would stay until the kubelets of their nodes return.
  for (const { metadata } of await lostAgentPods(run.ctx.fresh())) {
    const { name, namespace, uid } = metadata;
    await run.ctx.cluster.delete(
      { apiVersion: 'v1', kind: 'Pod', name, ...(namespace !== undefined && { namespace }) },
      { uid, force: true },
    );
  }
  return [...outcomes, ...(await applyObjects(rest, run))];
}

/** A plan expects that all images are copied. A registry of which one was not is left out. */
function withCompleteHosts(change: ObjectChange, { files }: NodeAccessState): ObjectChange {
  if (!files || change.payload.applies?.kind !== filesKind) return change;
  return { ...change, payload: { ...change.payload, applies: files } };
}

function reportPending({ hosts }: NodeAccessState, run: NodesRun): void {
  for (const { host, isMirrored, pending, missing } of hosts) {
    if (isMirrored || missing.length > 0) continue;
    for (const found of notMirroredFinding(host, pending)) run.emit({ type: 'finding', finding: found });
  }
}

const withoutImage = (image: string): BootstrapError =>
  new BootstrapError({
    code: 'not-ready',
    what: 'could not start the agent on nodes',
    why: `ECR does not have its image ${image}`,
    hint: 'Run `ecr-bootstrap up`, which copies it, or set nodes.image to an image that you can pull.',
  });

/** Otherwise the kubelet waits up to two minutes before it tries again. */
async function waitForSecrets(run: NodesRun): Promise<void> {
  const { cluster, config } = run.ctx;
  const needed: readonly ObjectRef[] = [filesSecretRef, pullSecretRef(config)];
  await waitFor(
    run,
    {
      what: 'the Secrets of the agent on nodes',
      deadlineMs: 120_000,
      hint: 'Check the operator: kubectl -n external-secrets logs deployment/external-secrets',
    },
    async (pending) => {
      const found = await Promise.all(needed.map((ref) => cluster.get(ref)));
      const missing = needed.find((_, index) => found[index] === undefined);
      return missing ? pending(await whyMissing(missing, run)) : true;
    },
  );
}

/** The reason of the operator, from the ExternalSecret with the name of the Secret. */
async function whyMissing({ name }: ObjectRef, { ctx }: NodesRun): Promise<string> {
  const source = await ctx.cluster.get({ ...(await filesRef(ctx.cluster)), name });
  if (!source || syncOf(source, []).state !== 'failing')
    return `the operator has not written Secret ${name} yet`;
  const sync = syncOf(source, await ctx.fresh().inventory.warnings());
  return `the operator cannot write Secret ${name}${sync.state === 'failing' ? `: ${sync.why}` : ''}`;
}

/** Without the DaemonSet, every node that it may have run on keeps its files. */
async function reportFiles({ ctx, emit }: NodesRun): Promise<void> {
  for (const node of (await ctx.inventory.nodes()).filter(isLinux)) {
    const why = 'its agent was deleted, and cannot remove them';
    emit({ type: 'finding', finding: filesLeft(node.metadata.name, why) });
  }
}

interface Cleanup {
  /** A DaemonSet of {@link cleanupAgent}. */
  readonly agent: KubeObject;
  /** The nodes on which it runs. */
  readonly nodes: readonly string[];
}

/**
 * Makes the agents remove the files from nodes. Reports the nodes where they cannot. A node that is not ready, or is
 * deleted meanwhile, is not waited for.
 */
async function cleanUp({ agent, nodes }: Cleanup, run: NodesRun): Promise<void> {
  const { ctx } = run;
  await ctx.cluster.apply(agent);
  let left: readonly { readonly name: string; readonly ready: boolean }[] = [];
  try {
    await waitFor(
      run,
      { what: 'nodes to remove the files of ecr-bootstrap', deadlineMs: 120_000 },
      async (pending) => {
        const [clean, all] = await Promise.all([cleanNodes(ctx), ctx.fresh().inventory.nodes()]);
        left = all
          .map((node) => ({ name: node.metadata.name, ready: isReady(node) }))
          .filter(({ name }) => nodes.includes(name) && !clean.has(name));
        const [first, ...others] = left.filter(({ ready }) => ready);
        if (!first) return true;
        const count = others.length + 1;
        return pending(`${count} left, for example ${first.name}`, { left: count, of: nodes.length });
      },
    );
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
  }
  for (const { name, ready } of left) {
    const why = ready ? 'its agent did not remove them in time' : 'the node is not ready';
    run.emit({ type: 'finding', finding: filesLeft(name, why) });
  }
}
