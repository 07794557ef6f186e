import { fullName, refOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Finding } from '../../core/findings.ts';
import { isTolerable } from '../../core/members.ts';
import { type WaitCount, waitFor } from '../../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { oncePerContext } from '../../core/once.ts';
import type { EarlierPullSecret } from '../../cluster/earlier-pull-secrets.ts';
import { forceSync } from '../force-sync.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { fixOf, Refusals } from '../refusals.ts';
import { type Sync, syncOf } from '../sync.ts';
import { finding } from '../../core/findings.ts';

const externalSecret = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret' } as const;

/** Milliseconds without progress at one level; the operator syncs about 6 to 17 namespaces a second. */
const deadlineMs = 30_000;

/** What to do about a level that does not sync in time. */
type Late = (error: BootstrapError) => void;

/**
 * Makes the operator sync at once what depends on a new key or token: its copy of the key, then the pull secret, then
 * the namespaces' copies, each after the one before. What does not exist yet is no failure, nor is an operator that
 * does not run: its pods may wait for this very pull secret, its webhook then refuses every change, and it syncs all
 * when it starts. The steps that follow see to that, and prove the rotation.
 */
export async function resync(
  run: ExternalSecretsRun,
  late: Late,
  earlier: readonly EarlierPullSecret[] = [],
): Promise<void> {
  const { pullSecret } = run.ctx.config;
  if (!(await controllerRuns(run))) return;
  for (const name of [keySecretName, pullSecret.name]) {
    const ref = { ...externalSecret, name, namespace };
    await force(run, late, ref, '/metadata', syncOfOne);
  }
  const fanOut = { ...externalSecret, kind: 'ClusterExternalSecret', name: pullSecret.name };
  await force(run, late, fanOut, '/spec/externalSecretMetadata', syncOfCopies);
  for (const { name } of earlier) await resyncEarlier(name, run);
}

/** A pull secret of an earlier name that does not sync is reported, and stops nothing. */
async function resyncEarlier(name: string, run: ExternalSecretsRun): Promise<void> {
  const report: Late = ({ what, why }) => run.emit({ type: 'note', text: `${what}: ${why}` });
  try {
    await force(run, report, { ...externalSecret, name, namespace }, '/metadata', syncOfOne);
    const fanOut = { ...externalSecret, kind: 'ClusterExternalSecret', name };
    await force(run, report, fanOut, '/spec/externalSecretMetadata', syncOfCopies);
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    report(error);
  }
}

/** Why a level is not in sync yet. */
interface Behind {
  readonly why: string;
  readonly count?: WaitCount;
}

type Synced = (run: ExternalSecretsRun, object: KubeObject) => Promise<() => Promise<Behind | undefined>>;

async function force(
  run: ExternalSecretsRun,
  late: Late,
  ref: ObjectRef,
  parent: Parameters<typeof forceSync>[2],
  synced: Synced,
): Promise<void> {
  const object = await run.ctx.cluster.get(ref);
  if (object === undefined) return;
  const behind = await synced(run, object);
  try {
    await forceSync(run.ctx.cluster, object, parent);
    await waitFor(
      run,
      {
        what: `${ref.kind} ${fullName(ref)} to sync`,
        deadlineMs,
        intervalMs: 250,
        hint: 'ecr-bootstrap status tells why.',
      },
      async (pending) => {
        const still = await behind();
        return still ? pending(still.why, still.count) : true;
      },
    );
  } catch (error) {
    // A webhook without endpoints is `cluster-failed`: the controller may run on a node where the webhook cannot yet.
    if (!(error instanceof BootstrapError) || !/^(not-ready|cluster-failed)$/.test(error.code)) throw error;
    late(error);
  }
}

/** Compares with what was seen before the force: the cluster's clock may differ from ours. */
async function syncOfOne(
  { ctx }: ExternalSecretsRun,
  before: KubeObject,
): Promise<() => Promise<Behind | undefined>> {
  const ref = refOf(before);
  return async () => {
    const now = await ctx.cluster.get(ref);
    return now === undefined || isSyncedSince(before, now) ? undefined : { why: conditionOf(now) };
  };
}

/** A namespace that refuses its copy is not waited for: the step that makes the copies reports it. */
async function syncOfCopies(
  { ctx }: ExternalSecretsRun,
  fanOut: KubeObject,
): Promise<() => Promise<Behind | undefined>> {
  const { uid } = fanOut.metadata;
  const list = async (): Promise<Map<string, KubeObject>> => {
    const all = await ctx.cluster.list(externalSecret);
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
  const earlier = new Map(await failing(before));
  for (const name of before.keys()) refusals.ask(name, earlier.get(name)?.evidence ?? '');
  return async () => {
    const all = [...(await list())];
    const unsynced = all.filter(([name, now]) => {
      const then = before.get(name);
      return then !== undefined && !isSyncedSince(then, now);
    });
    const place = { name: ctx.config.pullSecret.name };
    const refused = new Set(
      (await failing(unsynced))
        .filter(([name, { why }]) => fixOf(why, { ...place, namespace: name }) !== undefined)
        .filter(([name, { evidence }]) => refusals.isConfirmed(name, evidence))
        .map(([name]) => name),
    );
    const behind = unsynced.filter(([name]) => !refused.has(name));
    const [first] = behind;
    return (
      first && {
        why: `${behind.length} namespaces wait, ${first[0]}: ${conditionOf(first[1])}`,
        count: { left: behind.length, of: all.length },
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

function isSyncedSince(before: KubeObject, now: KubeObject): boolean {
  const [then, status] = [statusOf(before), statusOf(now)];
  return (
    then.syncedResourceVersion !== status.syncedResourceVersion || then.refreshTime !== status.refreshTime
  );
}

const conditionOf = (object: KubeObject): string =>
  statusOf(object).conditions?.find(({ type }) => type === 'Ready')?.message ?? 'it has not begun';

/** Whether the operator has a controller that could sync anything. */
export async function controllerRuns({ ctx }: Pick<ExternalSecretsRun, 'ctx'>): Promise<boolean> {
  const deployment = await ctx.cluster.get({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'external-secrets',
    namespace,
  });
  const { readyReplicas = 0 } = (deployment?.['status'] ?? {}) as { readyReplicas?: number };
  return readyReplicas > 0;
}

/** What stays as it is while the operator does not run. */
export async function withoutOperator(ctx: ExternalSecretsContext, what: string): Promise<Finding[]> {
  // An operator that something else installed may have other names.
  if (!ctx.config.externalSecrets.install || (await controllerRunsIn(ctx))) return [];
  return [
    finding('operator-unhealthy', {
      target: { kind: 'Deployment', name: `${namespace}/external-secrets` },
      what,
      why: 'this depends on External Secrets Operator, which is not running (see operator)',
      hint: 'Run `ecr-bootstrap up`.',
    }),
  ];
}

const controllerRunsIn = oncePerContext((ctx: ExternalSecretsContext) => controllerRuns({ ctx }));
