import { expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../../../../src/clients/kubernetes/port.ts';
import type { Run } from '../../../../src/steps/context.ts';
import { resync } from '../../../../src/external-secrets/pull-secret/resync.ts';

interface Pace {
  readonly namespaces: number;
  /** Namespaces that the operator syncs per second. */
  readonly perSecond: number;
  /** The number of namespaces after which the operator makes no progress. */
  readonly stuckAt?: number;
}

/** A large cluster with a slow operator. The operator of the sandbox syncs all namespaces at once. */
class LargeCluster {
  lists = 0;
  /** The objects that the operator was asked to sync, in order. */
  readonly syncRequests: string[] = [];
  seconds = 0;
  #forced = Infinity;
  readonly #synced = new Map<string, number>();
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  serves(): Promise<boolean> {
    return Promise.resolve(true);
  }

  get(ref: ObjectRef): Promise<KubeObject> {
    const status =
      ref.kind === 'Deployment'
        ? { readyReplicas: 1 }
        : { refreshTime: String(this.#synced.get(ref.name) ?? 0) };
    const { apiVersion, kind, ...metadata } = ref;
    return Promise.resolve({ apiVersion, kind, metadata: { ...metadata, uid: 'fan-out' }, status });
  }

  patch({ kind, name }: ObjectRef): Promise<void> {
    this.syncRequests.push(`${kind} ${name}`);
    if (kind === 'ClusterExternalSecret') this.#forced = this.seconds;
    else this.#synced.set(name, this.seconds + 1);
    return Promise.resolve();
  }

  list(): Promise<KubeObject[]> {
    this.lists += 1;
    const { namespaces, perSecond, stuckAt = Infinity } = this.#pace;
    const done = Math.min((this.seconds - this.#forced) * perSecond, stuckAt);
    const owner = { apiVersion: 'v1beta1', kind: 'ClusterExternalSecret', name: 'puller', uid: 'fan-out' };
    return Promise.resolve(
      Array.from({ length: namespaces }, (_, index) => ({
        apiVersion: 'external-secrets.io/v1beta1',
        kind: 'ExternalSecret',
        metadata: { name: 'puller', namespace: `team-${index}`, ownerReferences: [owner] },
        status: { refreshTime: index < done ? 'after' : 'before' },
      })),
    );
  }
}

/** @returns why levels timed out */
async function forceAll(cluster: LargeCluster): Promise<string[]> {
  const clock = {
    now: () => cluster.seconds * 1000,
    sleep: (milliseconds: number) => {
      cluster.seconds += milliseconds / 1000;
      return Promise.resolve();
    },
  };
  const ctx = { clock, cluster, config: { pullSecret: { name: 'puller' } } } as unknown as Run['ctx'];
  const late: string[] = [];
  const run: Run = { ctx, signal: new AbortController().signal, emit: () => undefined };
  await resync(run, ({ why }) => late.push(why));
  return late;
}

it.each([
  [1000, 17],
  [1000, 6],
  [5000, 17],
])('waits until all %i namespaces are synced, at %i per second', async (namespaces, perSecond) => {
  const cluster = new LargeCluster({ namespaces, perSecond });
  expect(await forceAll(cluster)).toEqual([]);
  expect(cluster.seconds).toBeGreaterThan(namespaces / perSecond);
  expect(cluster.lists).toBeLessThan(cluster.seconds / 2 + 5);
});

it('syncs the access key before the token that is issued with it, and the token before its copies and the files for nodes', async () => {
  const cluster = new LargeCluster({ namespaces: 1, perSecond: 1 });
  await forceAll(cluster);
  expect(cluster.syncRequests).toEqual([
    'ExternalSecret image-puller',
    'ExternalSecret puller',
    'ClusterExternalSecret puller',
    'ExternalSecret node-access',
  ]);
});

it('times out at a level that makes no progress for half a minute', async () => {
  const cluster = new LargeCluster({ namespaces: 1000, perSecond: 17, stuckAt: 900 });
  expect(await forceAll(cluster)).toEqual([
    expect.stringMatching(
      /^100 namespaces are not synced, for example team-900: .*the last 3\d s without progress\)$/,
    ),
  ]);
});
