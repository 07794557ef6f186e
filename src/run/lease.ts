import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { AbandonedError, graceMs, withinGrace } from '../core/abort.ts';
import { every, stopwatch } from '../core/clock.ts';
import { BootstrapError } from '../core/errors.ts';
import { managedBy, manager } from '../core/ownership.ts';
import type { ClusterRule } from '../core/step.ts';
import { ClusterRefusal, isConflict } from '../clients/kubernetes/errors.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { Context } from '../steps/context.ts';

const ref = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: manager,
};
const leaseName = `${ref.namespace}/${ref.name}`;

/** A lease that does not change for this long has lost its holder: another run may take it. */
const leaseDurationMs = 30_000;

/**
 * A holder that could not renew the lease for this long stops. The next check, and changes in flight, which get `graceMs`,
 * still end before another run may take the lease.
 */
const renewDeadlineMs = 24_000;

const renewIntervalMs = 10_000;

/** Interval between attempts to renew a lease, and between reads of the lease of another run. */
const retryIntervalMs = 2_000;

/** The longest wait for a run that renews its lease. */
const maxWaitMs = 60_000;

/** The cluster client repeats no write by itself. */
const maxWrites = 3;

const releaseTimeoutMs = 1000;

const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };

/** The permissions that holding the lease needs, besides those of the steps. RBAC cannot restrict `create` to a name. */
export const leaseRights: { readonly namespace: string; readonly rules: readonly ClusterRule[] } = {
  namespace: ref.namespace,
  rules: [
    { ...leases, verbs: ['create'] },
    { ...leases, verbs: ['delete', 'get', 'update'], resourceNames: [ref.name] },
  ],
};

type Services = Pick<Context, 'cluster' | 'clock'>;

export interface LeaseOptions {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  readonly warn: (text: string) => void;
  /** Called at intervals during the wait, with the seconds that have passed. */
  readonly waiting: (what: string, seconds: number) => void;
}

interface Acquired {
  readonly lease: KubeObject;
  /** Milliseconds since the write was sent: other runs may count the lease duration from then. */
  readonly ageMs: () => number;
}

const expiry = `It expires in ${leaseDurationMs / 1000} s; until then, other runs wait for it.`;

/**
 * Lets one run at a time change the cluster, by the rules of client-go's leader election. The times in a lease are of
 * another machine's clock, so they are only shown. What counts is how long a run sees a lease unchanged.
 * @throws BootstrapError `locked` when another run keeps renewing the lease
 */
export async function holdLease(services: Services, options: LeaseOptions): Promise<HeldLease> {
  try {
    const acquired = await withinGrace(options.signal, graceMs, () => acquire(services, options));
    return new HeldLease(acquired, services, options);
  } catch (error) {
    if (error instanceof AbandonedError) {
      options.warn(`It is unknown whether this run took the lease ${leaseName}. ${expiry}`);
    }
    throw error;
  }
}

async function acquire({ cluster, clock }: Services, options: LeaseOptions): Promise<Acquired> {
  const { signal, warn, waiting } = options;
  const holderIdentity = identify();
  let observed = await cluster.get(ref);
  // Counted in pauses and not by the wall clock, which can be set forward: timers run on the monotonic clock.
  let unchangedMs = 0;
  let waitedMs = 0;
  let writes = 0;
  for (;;) {
    const holder = observed && recordOf(observed);
    let pauseMs = 0;
    const ageMs = stopwatch(clock);
    if (!holder?.holderIdentity || unchangedMs >= leaseDurationMs) {
      try {
        return { lease: await write(cluster, observed, holderIdentity, clock.now()), ageMs };
      } catch (error) {
        writes += 1;
        if (!(error instanceof BootstrapError) || !(isConflict(error) || error.isTransient)) throw error;
        if (writes === maxWrites && !isConflict(error)) throw error;
      }
    } else {
      if (waitedMs >= maxWaitMs) throw locked(`${describeHolder(holder)} and renews it`);
      if (waitedMs === 0) {
        const held = describeHolder(holder, `the lease ${leaseName}`);
        warn(`${held}; waiting at most ${maxWaitMs / 1000} s for that run to end.`);
      }
      waiting(
        `${holder.holderIdentity} to release the lease, at most ${maxWaitMs / 1000} s`,
        waitedMs / 1000,
      );
      pauseMs = retryIntervalMs;
      await clock.sleep(pauseMs, signal);
    }
    const current = await cluster.get(ref);
    // A write whose answer was lost took effect.
    if (current && recordOf(current).holderIdentity === holderIdentity) return { lease: current, ageMs };
    if (writes >= maxWrites) throw locked('other runs took it first');
    const isUnchanged = current?.metadata.resourceVersion === observed?.metadata.resourceVersion;
    unchangedMs = isUnchanged ? unchangedMs + pauseMs : 0;
    waitedMs += pauseMs;
    observed = current;
  }
}

/** The API server refuses it with a conflict when the lease has changed since it was observed. */
function write(
  cluster: Services['cluster'],
  observed: KubeObject | undefined,
  holderIdentity: string,
  now: number,
): Promise<KubeObject> {
  const record = {
    holderIdentity,
    leaseDurationSeconds: leaseDurationMs / 1000,
    acquireTime: microTime(now),
    renewTime: microTime(now),
  };
  if (observed) return cluster.update(withRecord(observed, record));
  const { apiVersion, kind, namespace, name } = ref;
  return cluster.create({ apiVersion, kind, metadata: { name, namespace, labels: managedBy }, spec: record });
}

/** The lease of this run, which renews it until it is released or lost. */
export class HeldLease {
  readonly #services: Services;
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #stopRenewing: () => void;
  #lease: KubeObject;
  #ageMs: () => number;
  #failure = 'it was not renewed in time';
  #renewing: Promise<void> | undefined;

  constructor({ lease, ageMs }: Acquired, services: Services, options: LeaseOptions) {
    this.#lease = lease;
    this.#ageMs = ageMs;
    this.#services = services;
    this.#options = options;
    this.#stopRenewing = every(services.clock, retryIntervalMs, () => this.#check());
  }

  /** Aborted when another run took the lease, or when it could not be renewed in time. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** A failure is a warning: it must not replace the run's own result. */
  async release(): Promise<void> {
    this.#stopRenewing();
    try {
      await withinGrace(this.#options.signal, releaseTimeoutMs, async () => {
        await this.#renewing;
        await this.#delete();
      });
    } catch (error) {
      const isAbandoned = error instanceof AbandonedError;
      if (!isAbandoned && !(error instanceof BootstrapError)) throw error;
      const why = isAbandoned ? 'the API server did not respond in time' : error.why;
      this.#options.warn(`Could not release the lease ${leaseName}: ${why}. ${expiry}`);
    }
  }

  /** Lets the lease expire instead, for a run whose changes may still take effect. */
  leave(): void {
    this.#stopRenewing();
    if (this.lost.aborted) return;
    this.#options.warn(
      `The lease ${leaseName} was not released, because changes are still in flight. ${expiry}`,
    );
  }

  #check(): void {
    if (this.lost.aborted) return;
    const ageMs = this.#ageMs();
    if (ageMs >= renewDeadlineMs) this.#lose(this.#failure);
    else if (ageMs >= renewIntervalMs) {
      this.#renewing ??= this.#renew()
        .catch((error: unknown) => this.#lost.abort(error))
        .finally(() => (this.#renewing = undefined));
    }
  }

  /** After a failed attempt this run still holds the lease: no other run takes it before its duration has passed. */
  async #renew(): Promise<void> {
    const { cluster, clock } = this.#services;
    const ageMs = stopwatch(clock);
    try {
      this.#lease = await cluster.update(withRecord(this.#lease, { renewTime: microTime(clock.now()) }));
      this.#ageMs = ageMs;
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      this.#failure = error.why;
      if (error instanceof ClusterRefusal) await this.#refresh();
    }
  }

  /** A renewal whose answer was lost took effect and changed the resource version. */
  async #refresh(): Promise<void> {
    const current = await this.#services.cluster.get(ref);
    const holder = current && recordOf(current);
    if (current && holder?.holderIdentity === recordOf(this.#lease).holderIdentity) this.#lease = current;
    else this.#lose(holder ? describeHolder(holder) : 'it was deleted');
  }

  async #delete(): Promise<void> {
    const unlessLost = async () => {
      if (!this.lost.aborted) await this.#services.cluster.delete(ref, this.#lease.metadata);
    };
    try {
      await unlessLost();
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.#refresh();
      await unlessLost();
    }
  }

  #lose(why: string): void {
    this.#lost.abort(
      new BootstrapError({
        code: 'lease-lost',
        what: `could not keep the lease ${leaseName}`,
        why: `${why}; no further changes were made`,
        hint: 'Run the same command again when no other run is active; it resumes where this run stopped.',
      }),
    );
  }
}

const locked = (why: string): BootstrapError =>
  new BootstrapError({
    code: 'locked',
    what: `could not take the lease ${leaseName}`,
    why,
    hint: `Wait for that run to end, then run the same command again. To see who holds the lease: kubectl --namespace ${ref.namespace} get lease ${ref.name}`,
  });

/** Names one run, for people and for other runs: `ann@laptop/1f3c9a2b`. */
const identify = (): string => `${userName()}@${hostname()}/${randomUUID().slice(0, 8)}`;

/** In a container the user id may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

interface LeaseRecord {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

const recordOf = (lease: KubeObject): LeaseRecord => lease['spec'] ?? {};

const withRecord = (lease: KubeObject, record: LeaseRecord): KubeObject => ({
  ...lease,
  spec: { ...recordOf(lease), ...record },
});

/** `ann@laptop/1f3c9a2b has held it since 2026-01-31T10:00:00.000000Z`. */
const describeHolder = ({ holderIdentity, acquireTime }: LeaseRecord, what = 'it'): string =>
  `${holderIdentity || 'an unknown run'} has held ${what} since ${acquireTime ?? 'an unknown time'}`;

/** Leases have microseconds: `2026-01-31T10:00:00.000000Z`. */
const microTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z');
