import { expect, it } from 'vitest';
import type { Kind, KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import type { Run } from '../../../../src/steps/context.ts';
import { waitUntilGone } from '../../../../src/external-secrets/copies/ready.ts';

/** Deletes one object per second, starting at second `from`. The sandbox deletes all objects at once. */
function deletingObjects(kind: string, owner: string, count: number, from: number) {
  return (now: number): KubeObject[] =>
    Array.from({ length: Math.min(count, Math.max(0, count - (now / 1000 - from))) }, (_, index) => ({
      apiVersion: 'v1',
      kind,
      metadata: {
        name: 'puller',
        namespace: `team-${index}`,
        labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' },
        ownerReferences: [{ apiVersion: 'v1', kind: owner, name: 'puller', uid: 'owner' }],
      },
    }));
}

it('waits for the slow deletion of the ExternalSecrets of a large cluster, then of their Secrets', async () => {
  let now = 0;
  const clock = {
    now: () => now,
    sleep: (milliseconds: number) => {
      now += milliseconds;
      return Promise.resolve();
    },
  };
  const sources = deletingObjects('ExternalSecret', 'ClusterExternalSecret', 400, 0);
  const secrets = deletingObjects('Secret', 'ExternalSecret', 400, 400);
  const ctx = {
    clock,
    config: { pullSecret: { name: 'puller' } },
    cluster: {
      serves: () => Promise.resolve(true),
      list: ({ kind }: Kind) => Promise.resolve(kind === 'Secret' ? secrets(now) : sources(now)),
    },
  } as unknown as Run['ctx'];
  await waitUntilGone({ ctx, signal: new AbortController().signal, emit: () => undefined });
  expect(now).toBeGreaterThan(790_000);
});
