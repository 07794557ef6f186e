import { stopwatch } from '../core/clock.ts';
import { ClusterRefusal } from '../clients/kubernetes/errors.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Context } from '../steps/context.ts';
import { managedBy } from '../core/ownership.ts';
import {
  describeHolder,
  holderOf,
  isGone,
  leaseRef as ref,
  lifetime,
  ourselves,
  withSpec,
} from './lease-holder.ts';

/** Milliseconds between two looks at a lease that somebody holds. */
const lookEvery = 2_000;
/** Milliseconds that a holder may need beyond its lifetime to see that it is over. */
const grace = 4_000;
const patience = lifetime + grace;

export interface Watch {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Says which run is waited for. */
  readonly warn: (text: string) => void;
  readonly waiting: (what: string, seconds: number) => void;
}

export interface Taken {
  readonly lease: KubeObject;
  /** Milliseconds since it was asked for: others may count its lifetime from then. */
  readonly age: () => number;
}

/**
 * Takes the lease: at once when nobody has it, else from a holder that shows no sign of life.
 * @throws BootstrapError `locked`, saying who holds the lease and since when
 */
export async function takeLease(ctx: Context, watch: Watch): Promise<Taken> {
  const seen = await ctx.cluster.get(ref);
  const left = seen && !(await isGone(holderOf(seen))) ? await leftBehind(seen, ctx, watch) : seen;
  return writeLease(left, ctx);
}

/** Writes that are not answered are repeated so often: the API server repeats none by itself. */
const mostWrites = 3;

async function writeLease(left: KubeObject | undefined, ctx: Context): Promise<Taken> {
  const { cluster, clock } = ctx;
  const holderIdentity = await ourselves();
  const age = stopwatch(clock);
  const now = clock.now();
  const mine = {
    holderIdentity,
    leaseDurationSeconds: lifetime / 1000,
    acquireTime: now,
    renewTime: now,
  };
  const { apiVersion, kind, namespace, name } = ref;
  const fresh = { apiVersion, kind, metadata: { name, namespace, labels: managedBy } };
  const { acquireTime } = holderOf(withSpec(fresh, mine));
  let isUnanswered = false;
  for (let write = 1; ; write += 1) {
    try {
      const lease = await (left
        ? cluster.update(withSpec(left, mine))
        : cluster.create(withSpec(fresh, mine)));
      return { lease, age };
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      const isConflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
      if (!isConflict && (!error.isTransient || write === mostWrites)) throw error;
      const seen = await cluster.get(ref);
      isUnanswered ||= !isConflict;
      // The write took effect, and only its answer was lost.
      const isOwn = seen && holderOf(seen).holderIdentity === holderIdentity;
      if (isUnanswered && isOwn && holderOf(seen).acquireTime === acquireTime) return { lease: seen, age };
      const isSame = seen?.metadata.resourceVersion === left?.metadata.resourceVersion;
      if (isConflict || !isSame) throw locked(seen);
    }
  }
}

/**
 * Watches a lease for as long as a holder may go without renewing it. The times that it holds are of another machine's clock
 * and tell nothing; that it changes does.
 * @returns the lease when it did not change, undefined when it was given back
 */
async function leftBehind(
  lease: KubeObject,
  { cluster, clock }: Context,
  { signal, warn, waiting }: Watch,
): Promise<KubeObject | undefined> {
  const { resourceVersion } = lease.metadata;
  const holder = describeHolder(holderOf(lease), 'the lease kube-system/ecr-bootstrap');
  warn(`${holder}; waiting up to ${patience / 1000} s to see whether that run is alive.`);
  for (let watched = 0; watched < patience; watched += lookEvery) {
    waiting('the run that holds the lease to show that it is alive', watched / 1000);
    await clock.sleep(lookEvery, signal);
    const seen = await cluster.get(ref);
    if (!seen) return undefined;
    if (seen.metadata.resourceVersion !== resourceVersion) throw locked(seen);
  }
  return lease;
}

const locked = (lease: KubeObject | undefined): BootstrapError =>
  new BootstrapError({
    code: 'locked',
    what: 'take the lease kube-system/ecr-bootstrap',
    why: lease ? describeHolder(holderOf(lease)) : 'another run took it and has ended just now',
    hint: `Wait for that run to end. A run that died loses the lease after ${patience / 1000} s.`,
  });
