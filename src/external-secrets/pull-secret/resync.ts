import { fullName, refOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { isTolerable } from '../../core/members.ts';
import { type WaitCount, waitFor } from '../../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { oncePerContext } from '../../core/once.ts';
import type { EarlierPullSecret } from '../../cluster/earlier-pull-secrets.ts';
import { filesRef } from '../../cluster/nodes.ts';
import { operatorKind } from '../../cluster/operator-api.ts';
import { forceSync } from '../force-sync.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { fixOf, Refusals } from '../refusals.ts';
import { type Sync, syncOf } from '../sync.ts';

/** For each level, without progress; the operator syncs 6 to 17 namespaces per second. */
const deadlineMs = 30_000;

/** Handles a level that does not sync in time. */
type OnTimeout = (error: BootstrapError) => void;

/**
 * Has the operator sync everything that depends on a new key or token, one level after the other: its copy of the key, the
 * pull secret, the copies in the namespaces, the files for nodes. Objects that do not exist yet are skipped. So is an
 * operator that does not run: its pods may need this pull secret, and it syncs everything when it starts. Later steps
 * verify the result.
 */
export async function resync(
  run: ExternalSecretsRun,
  onTimeout: OnTimeout,
  earlier: readonly EarlierPullSecret[] = [],
): Promise<void> {
  const { pullSecret } = run.ctx.config;
  const { cluster } = run.ctx;
  if (!(await isControllerReady(run))) return;
  const externalSecret = await operatorKind(cluster, 'ExternalSecret');
  for (const name of [keySecretName, pullSecret.name]) {
    const ref = { ...externalSecret, name, namespace };
    await force(run, onTimeout, ref, '/metadata', observeOne);
  }
  const distribution = { ...(await operatorKind(cluster, 'ClusterExternalSecret')), name: pullSecret.name };
  await force(run, onTimeout, distribution, '/spec/externalSecretMetadata', observeCopySyncs);
  await force(run, onTimeout, await filesRef(cluster), '/metadata', observeOne);
  for (const { name } of earlier) await resyncEarlier(name, run);
}

/** Reports a pull secret of an earlier name that does not sync, and continues. */
async function resyncEarlier(name: string, run: ExternalSecretsRun): Promise<void> {
  const report: OnTimeout = ({ what, why }) => run.emit({ type: 'note', text: `${what}: ${why}` });
  try {
    const source = { ...(await operatorKind(run.ctx.cluster, 'ExternalSecret')), name, namespace };
    await force(run, report, source, '/metadata', observeOne);
    const distribution = { ...(await operatorKind(run.ctx.cluster, 'ClusterExternalSecret')), name };
    await force(run, report, distribution, '/spec/externalSecretMetadata', observeCopySyncs);
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    report(error);
  }
}

/** Why a level is not synced yet. */
interface Unsynced {
  readonly why: string;
  readonly count?: WaitCount;
}

/** Reads the state before a sync; the returned function compares the current state with it. */
type Observe = (run: ExternalSecretsRun, object: KubeObject) => Promise<() => Promise<Unsynced | undefined>>;

async function force(
  run: ExternalSecretsRun,
  onTimeout: OnTimeout,
  ref: ObjectRef,
  parent: Parameters<typeof forceSync>[2],
  observe: Observe,
): Promise<void> {
  const object = await run.ctx.cluster.get(ref);
  if (object === undefined) return;
  const findUnsynced = await observe(run, object);
  try {
    await forceSync(run.ctx.cluster, object, parent);
    await waitFor(
      run,
      {
        what: `${ref.kind} ${fullName(ref)} to sync`,
        deadlineMs,
        intervalMs: 250,
        hint: 'Run `ecr-bootstrap status` to find the cause.',
      },
      async (pending) => {
        const unsynced = await findUnsynced();
        return unsynced ? pending(unsynced.why, unsynced.count) : true;
      },
    );
  } catch (error) {
    // Without endpoints of the webhook, the API server returns an error: the webhook may start later than the controller.
    if (!(error instanceof BootstrapError) || !/^(not-ready|cluster-failed)$/.test(error.code)) throw error;
    onTimeout(error);
  }
}

/** Compares with the state before the sync, because the cluster's clock may differ from the local one. */
async function observeOne(
  { ctx }: ExternalSecretsRun,
  before: KubeObject,
): Promise<() => Promise<Unsynced | undefined>> {
  const ref = refOf(before);
  return async () => {
    const current = await ctx.cluster.get(ref);
    return current === undefined || isSyncedSince(before, current)
      ? undefined
      : { why: conditionOf(current) };
  };
}

/** Ignores a namespace that rejects its copy; the step `pull-secret-distribution` reports it. */
async function observeCopySyncs(
  { ctx }: ExternalSecretsRun,
  distribution: KubeObject,
): Promise<() => Promise<Unsynced | undefined>> {
  const { uid } = distribution.metadata;
  const list = async (): Promise<Map<string, KubeObject>> => {
    const all = await ctx.cluster.list(await operatorKind(ctx.cluster, 'ExternalSecret'));
    const copies = all.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
    return new Map(copies.map((copy) => [copy.metadata.namespace ?? '', copy]));
  };
  const failing = async (
    copies: Iterable<readonly [string, KubeObject]>,
  ): Promise<readonly (readonly [string, Failing])[]> => {
    const all = [...copies].filter(([, copy]) => syncOf(copy, []).state === 'failing');
    const warnings = all.length > 0 ? await ctx.fresh().inventory.warnings() : [];
    return all.flatMap(([name, copy]) => {
      const sync = syncOf(copy, warnings);
      return sync.state === 'failing' ? [[name, sync] as const] : [];
    });
  };
  const before = await list();
  const refusals = new Refusals(ctx.clock);
  const failingBefore = new Map(await failing(before));
  for (const name of before.keys()) refusals.recordRetry(name, failingBefore.get(name)?.evidence ?? '');
  return async () => {
    const all = [...(await list())];
    const unsynced = all.filter(([name, current]) => {
      const earlier = before.get(name);
      return earlier !== undefined && !isSyncedSince(earlier, current);
    });
    const { name: pullSecret } = ctx.config.pullSecret;
    const refused = new Set(
      (await failing(unsynced))
        .filter(([name, { why }]) => fixOf(why, { name: pullSecret, namespace: name }) !== undefined)
        .filter(([name, { evidence }]) => refusals.isConfirmed(name, evidence))
        .map(([name]) => name),
    );
    const waiting = unsynced.filter(([name]) => !refused.has(name));
    const [first] = waiting;
    return (
      first && {
        why: `${waiting.length} namespaces are not synced, for example ${first[0]}: ${conditionOf(first[1])}`,
        count: { left: waiting.length, of: all.length },
      }
    );
  };
}

type Failing = Extract<Sync, { readonly state: 'failing' }>;

interface Status {
  readonly syncedResourceVersion?: string;
  readonly refreshTime?: string;
  readonly conditions?: readonly { type: string; status: string; message?: string }[];
}

const statusOf = (object: KubeObject): Status => object['status'] ?? {};

function isSyncedSince(before: KubeObject, current: KubeObject): boolean {
  const [earlier, status] = [statusOf(before), statusOf(current)];
  return (
    earlier.syncedResourceVersion !== status.syncedResourceVersion ||
    earlier.refreshTime !== status.refreshTime
  );
}

const conditionOf = (object: KubeObject): string =>
  statusOf(object).conditions?.find(({ type }) => type === 'Ready')?.message ?? 'the sync has not started';

/** Whether the operator has a ready controller. */
export async function isControllerReady({ ctx }: Pick<ExternalSecretsRun, 'ctx'>): Promise<boolean> {
  const deployment = await ctx.cluster.get({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'external-secrets',
    namespace,
  });
  const { readyReplicas = 0 } = (deployment?.['status'] ?? {}) as { readyReplicas?: number };
  return readyReplicas > 0;
}

/** Reports `what` does not work while the operator is not running. */
export async function withoutOperator(ctx: ExternalSecretsContext, what: string): Promise<Finding[]> {
  // An operator that another tool installed may have other names.
  if (!ctx.config.externalSecrets.install || (await isControllerReadyIn(ctx))) return [];
  return [
    finding('operator-unhealthy', {
      target: { kind: 'Deployment', name: `${namespace}/external-secrets` },
      what,
      why: 'this needs External Secrets Operator, which is not running (see step operator)',
      hint: 'Run `ecr-bootstrap up`.',
    }),
  ];
}

const isControllerReadyIn = oncePerContext((ctx: ExternalSecretsContext) => isControllerReady({ ctx }));
