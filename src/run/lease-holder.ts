import { userInfo } from 'node:os';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { manager } from '../core/ownership.ts';
import { place } from './place.ts';

/** Milliseconds after which a holder that could not renew the lease has to stop. */
export const lifetime = 30_000;

export const leaseRef = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: manager,
};

/** How this run is named to others: `ann@laptop:1f3c9a2b/4711`. */
export const ourselves = async (): Promise<string> =>
  `${userInfo().username}@${await place()}/${process.pid}`;

interface Holder {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

export const holderOf = (lease: KubeObject): Holder => lease['spec'] ?? {};

/** For people, who know a host by its name: `ann@laptop/4711 holds it since 2026-01-31T10:00:00.000000Z`. */
export const describeHolder = (
  { holderIdentity = 'somebody', acquireTime = 'an unknown time' }: Holder,
  it = 'it',
): string => `${holderIdentity.replace(/:[0-9a-f]{8}(?=\/\d+$)/, '')} holds ${it} since ${acquireTime}`;

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

/** Whether the holder is certainly at work no longer: it gave the lease back, or was a process of this machine. */
export async function isGone({ holderIdentity }: Holder): Promise<boolean> {
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
