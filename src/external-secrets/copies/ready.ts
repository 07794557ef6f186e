import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import { stopwatch } from '../../core/clock.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isTolerable, nameOf } from '../../core/members.ts';
import type { MemberFailure } from '../../core/step.ts';
import { waitFor } from '../../core/wait.ts';
import type { ExternalSecretsRun } from '../context.ts';
import { isHeld, isManaged } from '../../cluster/objects.ts';
import { forceSync } from '../force-sync.ts';

import { managedBy, managedByLabel, manager, operatorNamespace } from '../../core/ownership.ts';
import { Refusals } from '../refusals.ts';
import { type Copies, observeCopies, refusalOf, whyNotServing } from './copies.ts';

/** Milliseconds without progress; the operator serves a thousand namespaces in one to three minutes. */
const deadlineMs = 180_000;
const externalSecret = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret' } as const;
const hint = 'ecr-bootstrap status names every namespace; the next ecr-bootstrap up goes on.';

/** Milliseconds that the owner of a finalizer is given. */
const finalizersOf = 15_000;

/**
 * Waits until no ExternalSecret of the fan-out is left, for the operator's webhook has to be there while they go, and
 * no Secret that one of them made: Kubernetes collects these afterwards, and only while the owner's kind is defined.
 * What does not go in time, or is held by a finalizer, is reported and stops nothing. A Secret goes with its owner, so
 * it is not waited for while that is kept.
 */
export async function waitUntilGone(run: ExternalSecretsRun): Promise<readonly MemberFailure[]> {
  const { ctx } = run;
  const untilNone = async (
    what: string,
    list: () => Promise<readonly KubeObject[]>,
  ): Promise<readonly MemberFailure[]> => {
    const passed = stopwatch(ctx.clock);
    const wait = { what, deadlineMs, intervalMs: 500, hint };
    let left: readonly KubeObject[] = [];
    try {
      return await waitFor(run, wait, async (pending) => {
        left = await list();
        const [first] = left;
        if (!first) return [];
        if (left.every(isHeld) && passed() >= finalizersOf) return left.map(notGone);
        const why = `${left.length} are left, one in ${first.metadata.namespace ?? ''}`;
        return pending(why, { left: left.length, of: left.length });
      });
    } catch (error) {
      if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
      return left.map(notGone);
    }
  };
  const listSources = async (): Promise<readonly KubeObject[]> =>
    (await ctx.cluster.list(externalSecret)).filter(isManagedCopy);
  const sources = await untilNone("the namespaces' ExternalSecrets to be gone", listSources);
  const kept = new Set(sources.length > 0 ? (await listSources()).map(({ metadata }) => metadata.uid) : []);
  const secrets = await untilNone("the namespaces' pull secrets to be gone", async () =>
    (await listManagedSecrets(ctx.cluster)).filter(
      (secret) => isCopy(secret) && !secret.metadata.ownerReferences?.some(({ uid }) => kept.has(uid)),
    ),
  );
  return [...sources, ...secrets];
}

/** Of any name: the ClusterExternalSecrets of earlier names are deleted too. */
const isManagedCopy = (object: KubeObject): boolean =>
  isManaged(object) &&
  (object.metadata.ownerReferences ?? []).some(({ kind }) => kind === 'ClusterExternalSecret');

/** Metadata only. */
export const listManagedSecrets = (cluster: ClusterPort): Promise<readonly KubeObject[]> =>
  cluster.list(
    { apiVersion: 'v1', kind: 'Secret' },
    { labelSelector: `${managedByLabel}=${managedBy[managedByLabel]}`, metadataOnly: true },
  );

function notGone(object: KubeObject): MemberFailure {
  const { kind, metadata } = object;
  const { name, namespace = '', finalizers = [] } = metadata;
  const target = targetOf(refOf(object));
  return {
    target,
    error: new BootstrapError({
      code: 'not-ready',
      what: `delete ${nameOf(target)}`,
      why: finalizers.length > 0 ? `it has finalizers: ${finalizers.join(', ')}` : 'it is still there',
      hint: `Remove what holds it, then delete it: kubectl -n ${namespace} delete ${kind.toLowerCase()} ${name}`,
    }),
  };
}

const isCopy = ({ metadata: { namespace, labels, ownerReferences = [] } }: KubeObject): boolean =>
  namespace !== operatorNamespace &&
  labels?.[managedByLabel] === manager &&
  ownerReferences.some(({ kind }) => kind === externalSecret.kind);

/** Namespaces without a valid pull secret, after all that waiting could do. */
export interface Shortfall {
  /** They take none until someone changes something there. */
  readonly refused: readonly MemberFailure[];
  /** They may get one yet. */
  readonly late: readonly MemberFailure[];
}

export const membersOf = ({ refused, late }: Shortfall): readonly MemberFailure[] => [...refused, ...late];

/** Waits until every covered namespace has a valid token that the operator put there, or never will as things are. */
export async function waitForCopies(run: ExternalSecretsRun): Promise<Shortfall> {
  const { ctx, looksOnly = false } = run;
  const refusals = looksOnly ? undefined : new Refusals(ctx.clock);
  const what = 'the pull secret in every namespace';
  let last: Missing = { refused: [], waiting: [] };
  try {
    return await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
      const seen = await observeCopies(ctx.fresh());
      last = await missingFrom(seen, ctx, refusals);
      const [first] = last.waiting;
      if (!first) return { refused: last.refused, late: [] };
      const left = last.waiting.length;
      const why = `${left} of ${seen.copies.length} lack it, ${first.namespace}: ${first.why}`;
      return pending(why, { left, of: seen.copies.length });
    });
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    return { refused: last.refused, late: last.waiting.map(lateFailure) };
  }
}

interface Missing {
  readonly refused: readonly MemberFailure[];
  readonly waiting: readonly { readonly namespace: string; readonly why: string }[];
}

/** @param refusals undefined when the operator may not be made to try again: then what it said last counts */
async function missingFrom(
  { copies, fanOut }: Copies,
  { cluster, clock, config }: ExternalSecretsRun['ctx'],
  refusals: Refusals | undefined,
): Promise<Missing> {
  const refused: MemberFailure[] = [];
  const waiting: { namespace: string; why: string }[] = [];
  for (const copy of copies) {
    const { namespace, evidence, externalSecret } = copy;
    const why = whyNotServing(copy, clock.now());
    if (why === undefined) continue;
    const refusal = refusalOf(copy, config.pullSecret.name);
    const isConfirmed = refusals?.isConfirmed(namespace, evidence);
    if (refusal && (isConfirmed || !refusals)) {
      const { target, ...parts } = refusal;
      refused.push({ target, error: new BootstrapError({ code: 'not-ready', ...parts }) });
      continue;
    }
    waiting.push({ namespace, why });
    if (!refusal || !refusals || isConfirmed !== undefined) continue;
    await tryAgain(cluster, externalSecret ?? fanOut);
    refusals.ask(namespace, evidence);
  }
  return { refused, waiting };
}

/** Where that is refused too, the operator tries again by itself. */
async function tryAgain(cluster: ClusterPort, object: KubeObject | undefined): Promise<void> {
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
    hint: `Check the operator (kubectl -n ${operatorNamespace} logs deployment/external-secrets), then run ecr-bootstrap up again. Or leave the namespace out: add "- ${namespace}" to namespaces.exclude.`,
  }),
});
