import { stopwatch } from '../clock.ts';
import { ClusterRefusal } from '../cluster/index.ts';
import type { KubeObject } from '../cluster/port.ts';
import { BootstrapError } from '../errors/index.ts';
import type { Context } from '../steps/context.ts';
import { managedBy } from '../steps/ownership.ts';
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
  const holderIdentity = await ourselves();
  const age = stopwatch(ctx.clock);
  const now = ctx.clock.now();
  const mine = {
    holderIdentity,
    leaseDurationSeconds: lifetime / 1000,
    acquireTime: now,
    renewTime: now,
  };
  const { apiVersion, kind, namespace, name } = ref;
  const fresh = { apiVersion, kind, metadata: { name, namespace, labels: managedBy } };
  try {
    const lease = await (left
      ? ctx.cluster.update(withSpec(left, mine))
      : ctx.cluster.create(withSpec(fresh, mine)));
    return { lease, age };
  } catch (error) {
    if (!(error instanceof ClusterRefusal) || error.refusal !== 'conflict') throw error;
    // Somebody was quicker.
    throw locked(await ctx.cluster.get(ref));
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
