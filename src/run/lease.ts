import { Abandoned, graceMs, withinGrace } from '../core/abort.ts';
import { every, stopwatch } from '../core/clock.ts';
import { ClusterRefusal } from '../clients/kubernetes/errors.ts';
import { BootstrapError } from '../core/errors.ts';
import type { ClusterRule } from '../core/step.ts';
import type { Context } from '../steps/context.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { managedBy, manager } from '../core/ownership.ts';
import { hostname, platform, userInfo } from 'node:os';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { once } from '../core/once.ts';

const ref = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: manager,
};

/** Milliseconds after which a holder that could not renew the lease has to stop. */
const lifetime = 30_000;

/** Milliseconds between two looks at a lease that somebody holds. */
const lookEvery = 2_000;
/** Milliseconds that a holder may need beyond its lifetime to see that it is over. */
const grace = 4_000;
const patience = lifetime + grace;

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

export interface Watch {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Says which run is waited for. */
  readonly warn: (text: string) => void;
  readonly waiting: (what: string, seconds: number) => void;
}

interface Taken {
  readonly lease: KubeObject;
  /** Milliseconds since it was asked for: others may count its lifetime from then. */
  readonly age: () => number;
}

/**
 * Takes the lease: at once when nobody has it, else from a holder that shows no sign of life.
 * @throws BootstrapError `locked`, saying who holds the lease and since when
 */
async function takeLease(ctx: Context, watch: Watch): Promise<Taken> {
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

/** How this run is named to others: `ann@laptop:1f3c9a2b/4711`. */
const ourselves = async (): Promise<string> => `${userInfo().username}@${await place()}/${process.pid}`;

interface Holder {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

const holderOf = (lease: KubeObject): Holder => lease['spec'] ?? {};

/** For people, who know a host by its name: `ann@laptop/4711 holds it since 2026-01-31T10:00:00.000000Z`. */
const describeHolder = (
  { holderIdentity = 'somebody', acquireTime = 'an unknown time' }: Holder,
  it = 'it',
): string => `${holderIdentity.replace(/:[0-9a-f]{8}(?=\/\d+$)/, '')} holds ${it} since ${acquireTime}`;

interface Change extends Omit<Holder, 'acquireTime' | 'renewTime'> {
  /** Milliseconds since the epoch, both. */
  readonly acquireTime?: number;
  readonly renewTime: number;
}

/** The lease with another holder, or another time. */
const withSpec = (lease: KubeObject, { acquireTime, renewTime, ...rest }: Change): KubeObject => ({
  ...lease,
  spec: {
    ...holderOf(lease),
    ...rest,
    ...(acquireTime === undefined ? {} : { acquireTime: microTime(acquireTime) }),
    renewTime: microTime(renewTime),
  },
});

/** Leases have microseconds: `2026-01-31T10:00:00.000000Z`. */
const microTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z');

/** Whether the holder is certainly at work no longer: it gave the lease back, or was a process of this machine. */
async function isGone({ holderIdentity }: Holder): Promise<boolean> {
  if (!holderIdentity) return true;
  const [, where, pid] = /@([^@]*)\/(\d+)$/.exec(holderIdentity) ?? [];
  return where === (await place()) && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Where a process id means one process: the host's name, and as far as the system tells it a mark of this boot and of this
 * container, for laptops and containers may share a name. `laptop:1f3c9a2b`, or `laptop` alone.
 */
const place = once(async (): Promise<string> => {
  const here = await bootAndContainer();
  if (here === undefined) return hostname();
  return `${hostname()}:${createHash('sha256').update(here).digest('hex').slice(0, 8)}`;
});

async function bootAndContainer(): Promise<string | undefined> {
  try {
    if (platform() === 'darwin') {
      const { execFileSync } = await import('node:child_process');
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' });
    }
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // A system that tells neither: the name has to do.
    return undefined;
  }
}
