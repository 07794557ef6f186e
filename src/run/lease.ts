import { Abandoned, graceMs, withinGrace } from '../core/abort.ts';
import { every, stopwatch } from '../core/clock.ts';
import { ClusterRefusal } from '../clients/kubernetes/errors.ts';
import { BootstrapError } from '../core/errors.ts';
import type { ClusterRule } from '../core/step.ts';
import type { Context } from '../steps/context.ts';
import { describeHolder, holderOf, leaseRef as ref, lifetime, withSpec } from './lease-holder.ts';
import { takeLease, type Watch } from './lease-take.ts';

/** Milliseconds between two renewals, and between two tries of one that fails. */
const renewEvery = 10_000;
const tryEvery = 2_000;

const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };

/** What holding the lease needs in its namespace, beside what the steps need. A creation names no object. */
export const leaseRights: { readonly namespace: string; readonly rules: readonly ClusterRule[] } = {
  namespace: ref.namespace,
  rules: [
    { ...leases, verbs: ['create'] },
    { ...leases, verbs: ['delete', 'get', 'update'], resourceNames: [ref.name] },
  ],
};

export interface Held {
  /** Aborted when somebody else took the lease, or it was over before it could be renewed. */
  readonly lost: AbortSignal;
  /** That it cannot be released is a warning. */
  release(): Promise<void>;
  /** Lets it expire instead, with a warning. */
  leave(): void;
}

/** Milliseconds to release the lease after the run was interrupted. */
const releaseMs = 1000;
const expires = 'It expires in 30 s; until then, runs on other computers wait for it.';

/**
 * Makes sure that one run at a time changes the cluster and what belongs to it.
 * @throws BootstrapError `locked`, saying who holds the lease and since when
 */
export async function holdLease(ctx: Context, watch: Watch): Promise<Held> {
  const lost = new AbortController();
  const taken = await withinGrace(watch.signal, graceMs, () => takeLease(ctx, watch)).catch(
    (error: unknown) => {
      if (error instanceof Abandoned) {
        watch.warn(`It is unknown whether this run took the lease kube-system/ecr-bootstrap. ${expires}`);
      }
      throw error;
    },
  );
  let lease = taken.lease;
  let age = taken.age;
  let trouble = 'it was not renewed in time';

  const renew = async (): Promise<void> => {
    const sinceAsked = stopwatch(ctx.clock);
    try {
      lease = await ctx.cluster.update(withSpec(lease, { renewTime: ctx.clock.now() }));
      age = sinceAsked;
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      trouble = error.why;
      // An answer that was lost on its way took effect all the same, and changed the version that is compared.
      if (error instanceof ClusterRefusal) await lookAgain();
    }
  };
  const lookAgain = async (): Promise<void> => {
    const seen = await ctx.cluster.get(ref);
    if (seen && holderOf(seen).holderIdentity === holderOf(lease).holderIdentity) lease = seen;
    else lost.abort(leaseLost(seen ? describeHolder(holderOf(seen)) : 'somebody deleted it'));
  };

  const giveBack = async (): Promise<void> => {
    const unlessLost = async () => {
      if (!lost.signal.aborted) await ctx.cluster.delete(ref, lease.metadata);
    };
    try {
      await unlessLost();
    } catch (error) {
      if (!(error instanceof ClusterRefusal) || error.refusal !== 'conflict') throw error;
      await lookAgain();
      await unlessLost();
    }
  };

  let renewing: Promise<void> | undefined;
  const stopRenewing = every(ctx.clock, tryEvery, () => {
    const milliseconds = age();
    if (lost.signal.aborted) return;
    // One renewal that fails is no loss: nobody else may take the lease before its end.
    if (milliseconds >= lifetime) lost.abort(leaseLost(trouble));
    else if (milliseconds >= renewEvery)
      renewing ??= renew()
        .catch((error: unknown) => lost.abort(error))
        .finally(() => (renewing = undefined));
  });

  return {
    lost: lost.signal,
    release: async () => {
      stopRenewing();
      try {
        await withinGrace(watch.signal, releaseMs, async () => {
          await renewing;
          await giveBack();
        });
      } catch (error) {
        // It would take the place of what ended the run, or fail one that got to its end.
        const isAbandoned = error instanceof Abandoned;
        if (!isAbandoned && !(error instanceof BootstrapError)) throw error;
        const why = isAbandoned ? 'the API server did not answer in time' : error.why;
        watch.warn(`The lease kube-system/ecr-bootstrap was not released: ${why}. ${expires}`);
      }
    },
    leave: () => {
      stopRenewing();
      if (lost.signal.aborted) return;
      watch.warn(
        `The lease kube-system/ecr-bootstrap was not released, because changes are still in flight. ${expires}`,
      );
    },
  };
}

const leaseLost = (why: string): BootstrapError =>
  new BootstrapError({
    code: 'lease-lost',
    what: 'keep the lease kube-system/ecr-bootstrap',
    why: `${why}; no further changes were made`,
    hint: 'Run the same command again when no other run is active; it resumes where this run stopped.',
  });
