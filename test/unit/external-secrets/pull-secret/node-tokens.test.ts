import { expect, it } from 'vitest';
import type { JsonPatchOperation, KubeObject, ObjectRef } from '../../../../src/clients/kubernetes/port.ts';
import type { Run } from '../../../../src/steps/context.ts';
import { renewNodeTokens } from '../../../../src/external-secrets/pull-secret/node-tokens.ts';

const expiryKey = 'ecr-bootstrap.dev/expires-at';

interface Options {
  readonly isInstalled?: boolean;
  /** When the token in the Secret with the files expires. The token of the pull secret expires at 2000. */
  readonly expiry?: string;
  /** Nodes that are not ready. */
  readonly lost?: readonly string[];
  /** Nodes whose agent is not ready before. */
  readonly failing?: readonly string[];
  /** The cluster rejects new pods of the agent. */
  readonly rejects?: boolean;
  /** Nodes on which the new agent does not become ready. */
  readonly stuck?: readonly string[];
}

/** Three nodes with an agent each. A new agent is ready after 20 s. */
class Agents {
  seconds = 0;
  readonly patches: (readonly JsonPatchOperation[])[] = [];
  readonly deleted: string[] = [];
  #restarted = Infinity;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  serves(): Promise<boolean> {
    return Promise.resolve(true);
  }

  get({ apiVersion, kind, ...metadata }: ObjectRef): Promise<KubeObject | undefined> {
    const { isInstalled = true, expiry = '2000' } = this.#options;
    if (!isInstalled) return Promise.resolve(undefined);
    const annotations = { [expiryKey]: metadata.name === 'puller' ? '2000' : expiry };
    const spec = { template: { metadata: { labels: {} } } };
    return Promise.resolve({ apiVersion, kind, metadata: { ...metadata, annotations }, spec });
  }

  patch(_: ObjectRef, operations: readonly JsonPatchOperation[]): Promise<void> {
    this.patches.push(operations);
    this.#restarted = this.seconds;
    return Promise.resolve();
  }

  delete({ name }: ObjectRef): Promise<void> {
    this.deleted.push(name);
    return Promise.resolve();
  }

  warnings(): Promise<KubeObject[]> {
    const involvedObject = { kind: 'DaemonSet', name: 'node-access', namespace: 'ecr-bootstrap' };
    const message = 'Error creating: admission webhook "policy" denied the request: hostPath';
    const metadata = { name: 'event' };
    return Promise.resolve([{ apiVersion: 'v1', kind: 'Event', metadata, involvedObject, message }]);
  }

  list(): Promise<KubeObject[]> {
    const { lost = [], failing = [], stuck = [], rejects = false } = this.#options;
    const isNew = this.seconds >= this.#restarted;
    const present = names.filter((name) => !rejects || !this.deleted.includes(name));
    return Promise.resolve(
      present.map((nodeName) => {
        const isUp = !isNew || (this.seconds >= this.#restarted + 20 && !stuck.includes(nodeName));
        return {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name: nodeName,
            uid: `${nodeName} ${this.deleted.includes(nodeName) ? 'second' : 'first'}`,
            ...(isNew && { annotations: { [expiryKey]: '2000' } }),
          },
          spec: { nodeName },
          ...ready(isUp && !lost.includes(nodeName) && !failing.includes(nodeName)),
        };
      }),
    );
  }

  nodes(): Promise<KubeObject[]> {
    const { lost = [] } = this.#options;
    return Promise.resolve(
      names.map((name) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name },
        ...ready(!lost.includes(name)),
      })),
    );
  }
}

const names = ['node-1', 'node-2', 'node-3'];
const ready = (isReady: boolean) => ({
  status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
});

const renew = (options: Options = {}): Promise<Agents> => renewWith(new Agents(options));

async function renewWith(agents: Agents): Promise<Agents> {
  const clock = {
    now: () => agents.seconds * 1000,
    sleep: (milliseconds: number) => {
      agents.seconds += milliseconds / 1000;
      return Promise.resolve();
    },
  };
  const config = { pullSecret: { name: 'puller' } };
  const ctx = { clock, config, cluster: agents, inventory: agents } as unknown as Run['ctx'];
  Object.assign(ctx, { fresh: () => ctx });
  await renewNodeTokens({ ctx, signal: new AbortController().signal, emit: () => undefined });
  return agents;
}

it('changes nothing in a cluster whose nodes do not pull with files', async () => {
  expect((await renew({ isInstalled: false })).patches).toEqual([]);
});

it('restarts the agents, and waits until all of them have written the new token', async () => {
  const { patches, seconds } = await renew();
  expect(patches).toHaveLength(1);
  expect(patches[0]?.at(-1)).toMatchObject({
    path: '/spec/template/metadata/annotations/ecr-bootstrap.dev~1expires-at',
    value: '2000',
  });
  expect(seconds).toBeGreaterThanOrEqual(20);
});

it.each([
  ['nodes that are not ready', { lost: ['node-2'] }],
  ['nodes whose agent was not ready before', { failing: ['node-2'] }],
])('does not wait for %s', async (_, options) => {
  expect((await renew(options)).seconds).toBeLessThan(60);
});

it('fails, and restarts no other agent, when the cluster rejects the first new one', async () => {
  const agents = new Agents({ rejects: true });
  await expect(renewWith(agents)).rejects.toMatchObject({
    code: 'not-ready',
    why: expect.stringContaining('admission webhook "policy" denied the request') as string,
    hint: expect.stringContaining('describe daemonset node-access') as string,
  });
  expect({ patches: agents.patches, deleted: agents.deleted }).toEqual({ patches: [], deleted: ['node-1'] });
});

it('fails when a new agent does not become ready', async () => {
  await expect(renew({ stuck: ['node-3'] })).rejects.toMatchObject({
    code: 'not-ready',
    why: expect.stringContaining('1 of 3 left, for example node-3') as string,
  });
});

it('fails, and restarts no agent, while the Secret has an earlier token than the pull secret', async () => {
  await expect(renew({ expiry: '1000' })).rejects.toMatchObject({
    code: 'not-ready',
    what: 'timed out waiting for the new token in Secret ecr-bootstrap/node-access',
  });
});
