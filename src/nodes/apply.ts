import type { KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { agentRef, filesRef, filesSecretRef, isLinux } from '../cluster/nodes.ts';
import { applyObjects, type ObjectChange } from '../cluster/objects.ts';
import { BootstrapError } from '../core/errors.ts';
import { skipped } from '../core/members.ts';
import type { Outcome } from '../core/step.ts';
import { waitFor } from '../core/wait.ts';
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
  return [...outcomes, ...(await applyObjects(late, run))];
}

/** Removes the files from nodes, then the objects. A node that cannot remove its files does not prevent that. */
async function removeAgent(
  agent: KubeObject | undefined,
  changes: readonly ObjectChange[],
  run: NodesRun,
): Promise<Outcome[]> {
  if (agent) await cleanUp(agent, run);
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
  if (!files || change.payload.applies?.kind !== filesRef.kind) return change;
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
      return missing ? pending(`the operator has not written Secret ${missing.name} yet`) : true;
    },
  );
}

/** Without the DaemonSet, every node that it may have run on keeps its files. */
async function reportFiles({ ctx, emit }: NodesRun): Promise<void> {
  for (const node of (await ctx.inventory.nodes()).filter(isLinux)) {
    const why = 'its agent was deleted, and cannot remove them';
    emit({ type: 'finding', finding: filesLeft(node.metadata.name, why) });
  }
}

/** Makes the agents remove the files from their nodes. Reports the nodes where they cannot. */
async function cleanUp(agent: KubeObject, run: NodesRun): Promise<void> {
  const { ctx } = run;
  const nodes = await agentNodes(ctx);
  await ctx.cluster.apply(await cleanupAgent(agent));
  let left = [...nodes.keys()];
  try {
    await waitFor(
      run,
      { what: 'nodes to remove the files of ecr-bootstrap', deadlineMs: 120_000 },
      async (pending) => {
        const clean = await cleanNodes(ctx);
        left = [...nodes.keys()].filter((name) => !clean.has(name));
        const waiting = left.filter((name) => nodes.get(name));
        if (waiting.length === 0) return true;
        return pending(`${waiting.length} left, for example ${waiting[0] ?? ''}`, {
          left: waiting.length,
          of: nodes.size,
        });
      },
    );
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
  }
  for (const name of left) {
    const why = nodes.get(name) ? 'its agent did not remove them in time' : 'the node is not ready';
    run.emit({ type: 'finding', finding: filesLeft(name, why) });
  }
}
