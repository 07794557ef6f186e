import { expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../../../src/clients/kubernetes/port.ts';
import type { NodesRun } from '../../../src/nodes/context.ts';
import { waitForFiles } from '../../../src/nodes/files.ts';

interface Files {
  /** The state of the ExternalSecret after each second. */
  readonly synced: readonly { readonly version: string; readonly isReady?: boolean }[];
  /** When the token in the Secret expires, in seconds from now. */
  readonly secondsLeft: number;
}

/** @returns how often the sync was forced, and the errors */
async function outcome({ synced, secondsLeft }: Files) {
  let seconds = 0;
  let forced = 0;
  const files = (): KubeObject => {
    const { version = '', isReady = true } = synced[Math.min(seconds, synced.length - 1)] ?? {};
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    return {
      apiVersion: 'external-secrets.io/v1beta1',
      kind: 'ExternalSecret',
      metadata: { name: 'node-access', namespace: 'ecr-bootstrap', generation: 2 },
      status: { syncedResourceVersion: version, conditions },
    };
  };
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'node-access', annotations: { 'ecr-bootstrap.dev/expires-at': String(secondsLeft) } },
  };
  const ctx = {
    clock: {
      now: () => seconds * 1000,
      sleep: (milliseconds: number) => {
        seconds += milliseconds / 1000;
        return Promise.resolve();
      },
    },
    cluster: {
      serves: () => Promise.resolve(true),
      get: ({ kind }: ObjectRef) => Promise.resolve(kind === 'Secret' ? secret : files()),
      patch: () => Promise.resolve((forced += 1)),
    },
    inventory: { warnings: () => Promise.resolve([]) },
  };
  Object.assign(ctx, { fresh: () => ctx });
  const run = { ctx, signal: new AbortController().signal, emit: () => undefined } as unknown as NodesRun;
  const failures = await waitForFiles(run);
  return { forced, codes: failures.map(({ error }) => error.code) };
}

it('leaves a sync to the operator that it has not done yet', async () => {
  const synced = [{ version: '1-a' }, { version: '1-a' }, { version: '2-b' }];
  expect(await outcome({ synced, secondsLeft: 3600 })).toEqual({ forced: 0, codes: [] });
});

it('forces the sync of files whose token has expired once, and reports that it does not help', async () => {
  const synced = [{ version: '2-b' }];
  expect(await outcome({ synced, secondsLeft: -1 })).toEqual({ forced: 1, codes: ['not-ready'] });
});

it('forces a sync that fails, which the operator itself would retry minutes later', async () => {
  const synced = [{ version: '2-b', isReady: false }, { version: '2-b' }];
  expect(await outcome({ synced, secondsLeft: 3600 })).toEqual({ forced: 1, codes: [] });
});
