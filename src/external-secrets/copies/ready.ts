import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import { stopwatch } from '../../core/clock.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isTolerable } from '../../core/members.ts';
import { nameOf } from '../../core/target.ts';
import type { MemberFailure } from '../../core/step.ts';
import { contextsOf, waitFor } from '../../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { isDeletionBlocked, isManaged } from '../../cluster/objects.ts';
import { operatorKind } from '../../cluster/operator-api.ts';
import { forceSync } from '../force-sync.ts';
import { managedBy, managedByLabel, manager, operatorNamespace } from '../../core/ownership.ts';
import { Refusals } from '../refusals.ts';
import { type Copies, observeCopies, copyRefusal, whyNotServing } from './copies.ts';

/** Without progress; the operator needs one to three minutes for a thousand namespaces. */
const deadlineMs = 180_000;
const copyKind = 'ExternalSecret';
const hint =
  'Run `ecr-bootstrap status`, which lists every namespace. Then run the same command again; it resumes where it stopped.';

/** The time for the owners of finalizers to remove them. */
const finalizerTimeoutMs = 15_000;

/**
 * Waits until the copies are deleted. First the ExternalSecrets, because the operator's webhook is needed to delete them.
 * Then their Secrets, which Kubernetes collects only while the CRD of the owner exists. An object that is not deleted in
 * time, or that a finalizer blocks, is reported and does not end the run. A Secret is skipped while its owner exists.
 */
export async function waitUntilGone(run: ExternalSecretsRun): Promise<readonly MemberFailure[]> {
  const { ctx } = run;
  const waitUntilNone = async (
    what: string,
    list: () => Promise<readonly KubeObject[]>,
  ): Promise<readonly MemberFailure[]> => {
    const elapsed = stopwatch(ctx.clock);
    const wait = { what, deadlineMs, intervalMs: 500, hint };
    let left: readonly KubeObject[] = [];
    try {
      return await waitFor(run, wait, async (pending) => {
        left = await list();
        const [first] = left;
        if (!first) return [];
        if (left.every(isDeletionBlocked) && elapsed() >= finalizerTimeoutMs) return left.map(notDeleted);
        const why = `${left.length} left, for example in namespace ${first.metadata.namespace ?? ''}`;
        return pending(why, { left: left.length, of: left.length });
      });
    } catch (error) {
      if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
      return left.map(notDeleted);
    }
  };
  const listSources = async (): Promise<readonly KubeObject[]> =>
    (await ctx.cluster.list(await operatorKind(ctx.cluster, copyKind))).filter(isManagedCopy);
  const sources = await waitUntilNone("the namespaces' ExternalSecrets to be deleted", listSources);
  const keptOwners = new Set(
    sources.length > 0 ? (await listSources()).map(({ metadata }) => metadata.uid) : [],
  );
  const secrets = await waitUntilNone("the namespaces' pull secrets to be deleted", async () =>
    (await listManagedSecrets(ctx.cluster)).filter(
      (secret) => isCopy(secret) && !secret.metadata.ownerReferences?.some(({ uid }) => keptOwners.has(uid)),
    ),
  );
  return [...sources, ...secrets];
}

/** Accepts any name: the ClusterExternalSecrets of earlier names are deleted too. */
const isManagedCopy = (object: KubeObject): boolean =>
  isManaged(object) &&
  (object.metadata.ownerReferences ?? []).some(({ kind }) => kind === 'ClusterExternalSecret');

/** Metadata only. */
export const listManagedSecrets = (cluster: ClusterPort): Promise<readonly KubeObject[]> =>
  cluster.list(
    { apiVersion: 'v1', kind: 'Secret' },
    { labelSelector: `${managedByLabel}=${managedBy[managedByLabel]}`, metadataOnly: true },
  );

function notDeleted(object: KubeObject): MemberFailure {
  const { kind, metadata } = object;
  const { name, namespace = '', finalizers = [] } = metadata;
  const target = targetOf(refOf(object));
  return {
    target,
    error: new BootstrapError({
      code: 'not-ready',
      what: `could not delete ${nameOf(target)}`,
      why: finalizers.length > 0 ? `it has finalizers: ${finalizers.join(', ')}` : 'it still exists',
      hint: `Remove its finalizers, then delete it: kubectl -n ${namespace} delete ${kind.toLowerCase()} ${name}`,
    }),
  };
}

const isCopy = ({ metadata: { namespace, labels, ownerReferences = [] } }: KubeObject): boolean =>
  namespace !== operatorNamespace &&
  labels?.[managedByLabel] === manager &&
  ownerReferences.some(({ kind }) => kind === copyKind);

/** Namespaces without a valid pull secret at the end of the wait. */
export interface UncoveredNamespaces {
  /** They reject it until a user fixes the cause. */
  readonly refused: readonly MemberFailure[];
  /** They timed out. */
  readonly late: readonly MemberFailure[];
}

export const membersOf = ({ refused, late }: UncoveredNamespaces): readonly MemberFailure[] => [
  ...refused,
  ...late,
];

/** Waits until every covered namespace has a valid token from the operator, or rejects it. */
export async function waitForCopies(run: ExternalSecretsRun): Promise<UncoveredNamespaces> {
  const { ctx, isReadOnly = false } = run;
  const refusals = isReadOnly ? undefined : new Refusals(ctx.clock);
  const what = 'the pull secret in every namespace';
  let latest: Missing = { refused: [], waiting: [] };
  const nextContext = contextsOf<ExternalSecretsContext>(run);
  try {
    return await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
      const copies = await observeCopies(nextContext());
      latest = await findMissing(copies, ctx, refusals);
      const [first] = latest.waiting;
      if (!first) return { refused: latest.refused, late: [] };
      const left = latest.waiting.length;
      const why = `${left} of ${copies.copies.length} namespaces wait for it, for example ${first.namespace}: ${first.why}`;
      return pending(why, { left, of: copies.copies.length });
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    return { refused: latest.refused, late: latest.waiting.map(lateFailure) };
  }
}

interface Missing {
  readonly refused: readonly MemberFailure[];
  readonly waiting: readonly { readonly namespace: string; readonly why: string }[];
}

/** @param refusals undefined in a run that forces no retries: then the last refusal counts */
async function findMissing(
  { copies, distribution }: Copies,
  { cluster, clock, config }: ExternalSecretsRun['ctx'],
  refusals: Refusals | undefined,
): Promise<Missing> {
  const refused: MemberFailure[] = [];
  const waiting: { namespace: string; why: string }[] = [];
  for (const copy of copies) {
    const { namespace, evidence, externalSecret } = copy;
    const why = whyNotServing(copy, clock.now());
    if (why === undefined) continue;
    const refusal = copyRefusal(copy, config.pullSecret.name);
    const isConfirmed = refusals?.isConfirmed(namespace, evidence);
    if (refusal && (isConfirmed || !refusals)) {
      const { target, ...parts } = refusal;
      refused.push({ target, error: new BootstrapError({ code: 'not-ready', ...parts }) });
      continue;
    }
    waiting.push({ namespace, why });
    if (!refusal || !refusals || isConfirmed !== undefined) continue;
    await forceRetry(cluster, externalSecret ?? distribution);
    refusals.recordRetry(namespace, evidence);
  }
  return { refused, waiting };
}

/** Ignores a namespace that rejects this too; the operator retries later without it. */
async function forceRetry(cluster: ClusterPort, object: KubeObject | undefined): Promise<void> {
  try {
    if (object) await forceSync(cluster, object, '/metadata');
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
  }
}

const lateFailure = ({ namespace, why }: Missing['waiting'][number]): MemberFailure => ({
  target: { kind: 'Namespace', name: namespace },
  error: new BootstrapError({
    code: 'not-ready',
    what: `timed out waiting for the pull secret in namespace ${namespace}`,
    why: `${why} (${deadlineMs / 1000} s without progress)`,
    hint: `Check the operator with \`kubectl -n ${operatorNamespace} logs deployment/external-secrets\`, then run \`ecr-bootstrap up\` again. Or exclude the namespace: add "- ${namespace}" to namespaces.exclude.`,
  }),
});
