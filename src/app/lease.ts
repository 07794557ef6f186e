import { hostname, userInfo } from 'node:os';
import type { KubeObject } from '../cluster/port.ts';
import { BootstrapError } from '../errors/index.ts';
import type { ClusterRule, Context } from '../steps/context.ts';
import { managedBy, manager } from '../steps/ownership.ts';

/** Seconds after which a lease that is not renewed counts as left behind. */
const lifetime = 30;
const renewEvery = 10_000;
const ref = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'kube-system', name: manager };

/** What holding the lease needs, beside what the steps need. */
export const leaseRule: ClusterRule = {
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  verbs: ['get', 'create', 'update', 'delete'],
};

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

export interface Held {
  /** Aborted when the lease could not be renewed, or somebody else took it. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * Makes sure that one run at a time changes the cluster and what belongs to it.
 * @throws BootstrapError `locked`, saying who holds the lease and since when
 */
export async function holdLease(ctx: Context): Promise<Held> {
  const holder = `${userInfo().username}@${hostname()}/${process.pid}`;
  const lost = new AbortController();
  let lease = await take(ctx, holder);
  const renew = async (): Promise<void> => {
    try {
      lease = await ctx.cluster.update(withSpec(lease, { renewTime: microTime(ctx.clock.now()) }));
    } catch (error) {
      lost.abort(error);
    }
  };
  let renewing = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renew();
  }, renewEvery).unref();
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      await renewing;
      if (!lost.signal.aborted) await ctx.cluster.delete(ref, uidOf(lease));
    },
  };
}

async function take(ctx: Context, holder: string): Promise<KubeObject> {
  const now = ctx.clock.now();
  const spec: LeaseSpec = {
    holderIdentity: holder,
    leaseDurationSeconds: lifetime,
    acquireTime: microTime(now),
    renewTime: microTime(now),
  };
  const there = await ctx.cluster.get(ref);
  if (!there) {
    const { apiVersion, kind, namespace, name } = ref;
    return ctx.cluster.create({ apiVersion, kind, metadata: { name, namespace, labels: managedBy }, spec });
  }
  const held = (there['spec'] ?? {}) as LeaseSpec;
  if (isAlive(held, now)) throw locked(held);
  return ctx.cluster.update(withSpec(there, spec));
}

function isAlive(
  { holderIdentity, leaseDurationSeconds = lifetime, renewTime }: LeaseSpec,
  now: number,
): boolean {
  if (!holderIdentity || !renewTime) return false;
  const [, host, pid] = /@(.*)\/(\d+)$/.exec(holderIdentity) ?? [];
  if (host === hostname() && !isRunning(Number(pid))) return false;
  return Date.parse(renewTime) + leaseDurationSeconds * 1000 > now;
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

const withSpec = (lease: KubeObject, spec: LeaseSpec): KubeObject => ({
  ...lease,
  spec: { ...(lease['spec'] as LeaseSpec), ...spec },
});

const uidOf = ({ metadata }: KubeObject): { uid?: string } => (metadata.uid ? { uid: metadata.uid } : {});

/** Leases have microseconds: `2026-01-31T10:00:00.000000Z`. */
const microTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z');

const locked = ({ holderIdentity, acquireTime }: LeaseSpec): BootstrapError =>
  new BootstrapError({
    code: 'locked',
    what: 'take the lease kube-system/ecr-bootstrap',
    why: `${holderIdentity ?? 'somebody'} holds it since ${acquireTime ?? 'an unknown time'}`,
    hint: `Wait for that run to end. A run that died loses the lease after ${lifetime} s.`,
  });
