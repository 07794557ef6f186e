import { hostname, userInfo } from 'node:os';
import type { KubeObject } from '../cluster/port.ts';
import { manager } from '../steps/ownership.ts';

/** Milliseconds after which a lease that is not renewed counts as left behind. */
export const lifetime = 30_000;

export const leaseRef = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: manager,
};

/** How this run is named to others: `ann@laptop/4711`. */
export const ourselves = `${userInfo().username}@${hostname()}/${process.pid}`;

interface Holder {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

export const holderOf = (lease: KubeObject): Holder => lease['spec'] ?? {};

export const describeHolder = ({ holderIdentity, acquireTime }: Holder): string =>
  `${holderIdentity ?? 'somebody'} holds it since ${acquireTime ?? 'an unknown time'}`;

interface Change extends Omit<Holder, 'acquireTime' | 'renewTime'> {
  /** Milliseconds since the epoch, both. */
  readonly acquireTime?: number;
  readonly renewTime: number;
}

/** The lease with another holder, or another time. */
export const withSpec = (lease: KubeObject, { acquireTime, renewTime, ...rest }: Change): KubeObject => ({
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

/** Whether the holder may still be at work. One of this machine is known to be dead at once. */
export function isAlive({ holderIdentity, leaseDurationSeconds, renewTime }: Holder, now: number): boolean {
  if (!holderIdentity || !renewTime) return false;
  const [, host, pid] = /@(.*)\/(\d+)$/.exec(holderIdentity) ?? [];
  if (host === hostname() && !isRunning(Number(pid))) return false;
  const duration = leaseDurationSeconds === undefined ? lifetime : leaseDurationSeconds * 1000;
  return Date.parse(renewTime) + duration > now;
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
