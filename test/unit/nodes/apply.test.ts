import { expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../../../src/clients/kubernetes/port.ts';
import { applyNodeAccess } from '../../../src/nodes/apply.ts';
import type { NodesRun } from '../../../src/nodes/context.ts';
import type { NodeAccessState } from '../../../src/nodes/state.ts';

it('reports why the operator cannot write a Secret without which the agent does not start', async () => {
  const failing = {
    status: { conditions: [{ type: 'Ready', status: 'False', message: 'could not get secret' }] },
  };
  let seconds = 0;
  const ctx = {
    clock: {
      now: () => seconds * 1000,
      sleep: (milliseconds: number) => {
        seconds += milliseconds / 1000;
        return Promise.resolve();
      },
    },
    config: { pullSecret: { name: 'puller' } },
    inventory: { warnings: () => Promise.resolve([]) },
    cluster: {
      serves: () => Promise.resolve(true),
      get: ({ kind, apiVersion, ...metadata }: ObjectRef): Promise<KubeObject | undefined> =>
        Promise.resolve(
          kind === 'ExternalSecret' || metadata.name === 'node-access'
            ? { apiVersion, kind, metadata, ...failing }
            : undefined,
        ),
    },
  };
  Object.assign(ctx, { fresh: () => ctx });
  const agent = {
    action: 'create',
    target: { kind: 'DaemonSet', name: 'ecr-bootstrap/node-access' },
    fields: [],
    payload: { applies: { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'node-access' } } },
  } as const;
  const state: NodeAccessState = {
    wanted: [],
    unwanted: [],
    isOn: true,
    hosts: [],
    nodeCount: 1,
    crioCount: 0,
    deselected: [],
    conflicts: [],
  };
  const run = { ctx, signal: new AbortController().signal, emit: () => undefined } as unknown as NodesRun;
  await expect(applyNodeAccess([agent], state, run)).rejects.toMatchObject({
    code: 'not-ready',
    why: expect.stringContaining('the operator cannot write Secret puller: could not get secret') as string,
  });
});
