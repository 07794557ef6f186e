import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Finding } from '../../../src/core/findings.ts';
import type { NodesContext, NodesRun } from '../../../src/nodes/context.ts';
import { nodesHealth, waitForNodes } from '../../../src/nodes/ready.ts';

const isReady = (ready: boolean) => [{ type: 'Ready', status: ready ? 'True' : 'False' }];
const running = { running: {} };
const now = Date.parse('2026-11-29T04:41:07Z');

interface Cluster {
  /** The states of the containers `agent` and `probe`. */
  readonly agent?: object;
  readonly probe?: object;
  readonly warnings?: readonly object[];
  readonly log?: () => Promise<string | undefined>;
  readonly runtime?: string;
  /** Seconds since the pod of the agent was created. */
  readonly age?: number;
  /** The status of the pod, instead of that of a pod that runs. */
  readonly podStatus?: object;
  readonly daemonSet?: KubeObject;
  /** The script in the pod of the agent. */
  readonly script?: string;
}

/** A cluster with one node, whose agent is not ready. */
function contextOf(cluster: Cluster): NodesContext {
  const { agent = running, probe = running, warnings = [], log, runtime = 'containerd://2.1.4' } = cluster;
  const { age = 3600 } = cluster;
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { conditions: isReady(true), nodeInfo: { containerRuntimeVersion: runtime } },
  };
  const container = (name: string, state: object) => ({ name, image: name, restartCount: 0, state });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'node-access-x',
      namespace: 'ecr-bootstrap',
      uid: 'u1',
      creationTimestamp: new Date(now - age * 1000).toISOString(),
      ...(cluster.script !== undefined && {
        annotations: { 'ecr-bootstrap.dev/script-sha256': cluster.script },
      }),
    },
    spec: { nodeName: 'node-1' },
    status: cluster.podStatus ?? {
      conditions: isReady(false),
      containerStatuses: [container('agent', agent), container('probe', probe)],
    },
  };
  const events = warnings.map((event) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e' },
    ...event,
  }));
  const inventory = {
    nodes: () => Promise.resolve([node]),
    // Without the fields that a list of all pods leaves out.
    agentPods: () => Promise.resolve([{ ...pod, metadata: { ...pod.metadata, annotations: {} } }]),
    mirroredHosts: () => Promise.resolve(['docker.io']),
  };
  const port = {
    serves: () => Promise.resolve(true),
    get: () => Promise.resolve(cluster.daemonSet),
    list: ({ kind }: KubeObject): Promise<readonly object[]> =>
      Promise.resolve(kind === 'Event' ? events : [pod]),
    lastLogLine: log ?? (() => Promise.resolve(undefined)),
  };
  let time = now;
  const clock = {
    now: () => time,
    sleep: (milliseconds: number) => {
      time += milliseconds;
      return Promise.resolve();
    },
  };
  const ctx = {
    config: { project: 'shop', aws: { region: 'eu-west-1' }, nodes: { nodeSelector: {} } },
    cluster: port,
    clock,
    inventory,
    registryHost: () => Promise.resolve('1.dkr.ecr.eu-west-1.amazonaws.com'),
  } as unknown as NodesContext;
  return Object.assign(ctx, { fresh: () => ctx });
}

const healthOf = (cluster: Cluster): Promise<readonly Finding[]> => nodesHealth(contextOf(cluster), true);

it('reports an unready agent also if the API server cannot read its log', async () => {
  const log = () =>
    Promise.reject(
      new BootstrapError({
        code: 'cluster-failed',
        what: 'could not read the log',
        why: 'dial tcp 10.0.0.4:10250: i/o timeout',
        hint: '',
      }),
    );
  expect(await healthOf({ log })).toMatchObject([
    {
      code: 'node-agent-unready',
      why: 'its agent is not ready',
      hint: expect.stringContaining('kubectl') as string,
    },
  ]);
});

it('names the setting that leaves a registry out for which another program has a file', async () => {
  const line = '/etc/containerd/certs.d/docker.io/hosts.toml is managed by another program';
  const [finding] = await healthOf({ log: () => Promise.resolve(line) });
  expect(finding?.why).toBe(line);
  expect(finding?.hint).toContain('nodes.hosts');
});

it('refers to the checks of the operator if the token of a node is not renewed', async () => {
  const line = 'the token expires in 2 h 50 min and was not renewed';
  const [finding] = await healthOf({ log: () => Promise.resolve(line) });
  expect(finding).toMatchObject({ why: line, hint: expect.stringContaining('the operator') as string });
});

it('reports why the folder of the node cannot be mounted', async () => {
  const creating = { waiting: { reason: 'ContainerCreating' } };
  const message =
    'MountVolume.SetUp failed for volume "containerd" : mkdir /etc/containerd: read-only file system';
  const about = (uid: string, text: string) => ({
    involvedObject: { uid },
    reason: 'FailedMount',
    message: text,
  });
  const warnings = [about('u1', message), about('u2', 'of another pod')];
  expect(await healthOf({ agent: creating, probe: creating, warnings })).toMatchObject([
    { code: 'node-agent-unready', why: message },
  ]);
});

it('gives the command that tests a node at once after its container runtime was configured', async () => {
  const message = 'Head "https://ecr-bootstrap.invalid/v2/probe/manifests/x": dial tcp: no such host';
  const [finding] = await healthOf({ probe: { waiting: { reason: 'ErrImagePull', message } } });
  expect(finding).toMatchObject({
    code: 'node-mirror-inactive',
    hint: 'On node-1, make these changes, then run: `systemctl restart containerd`; to test it at once: `kubectl -n ecr-bootstrap delete pod node-access-x`',
  });
});

describe('an agent that was created a moment ago', () => {
  const creating = { waiting: { reason: 'ContainerCreating' } };

  it('is starting, which is a warning that `status --wait` waits for', async () => {
    const expected = [{ code: 'node-agent-starting', level: 'warning', isTemporary: true }];
    expect(await healthOf({ agent: creating, probe: creating, age: 20 })).toMatchObject(expected);
    expect(await healthOf({ age: 20 })).toMatchObject(expected);
    const log = () => Promise.resolve('ready; mirrored: docker.io; the token expires at 17:00');
    expect(await healthOf({ age: 20, log })).toMatchObject(expected);
  });

  it('fails if it still is not ready after a minute', async () => {
    for (const cluster of [{ agent: creating, probe: creating }, {}]) {
      expect(await healthOf({ ...cluster, age: 70 })).toMatchObject([
        { code: 'node-agent-unready', level: 'failed' },
      ]);
    }
  });

  it('fails at once if its log, an event or its containers show a problem', async () => {
    const line = 'could not write /etc/containerd/certs.d: read-only file system';
    const message = 'Head "https://ecr-bootstrap.invalid/v2/probe/manifests/x": dial tcp: no such host';
    const event = { involvedObject: { uid: 'u1' }, reason: 'FailedMount', message: 'no such folder' };
    const cases: readonly (readonly [Cluster, string])[] = [
      [{ log: () => Promise.resolve(line) }, 'node-agent-unready'],
      [{ agent: creating, probe: creating, warnings: [event] }, 'node-agent-unready'],
      [{ probe: { waiting: { reason: 'ErrImagePull', message } } }, 'node-mirror-inactive'],
    ];
    for (const [cluster, code] of cases) {
      expect(await healthOf({ ...cluster, age: 20 })).toMatchObject([{ code, level: 'failed' }]);
    }
  });
});

it('waits for an agent of an earlier template while the DaemonSet controller has not seen the new one', async () => {
  const daemonSet = (observedGeneration: number) => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'node-access', generation: 2 },
    spec: { template: { spec: { containers: [{ name: 'agent', image: 'new' }] } } },
    status: { observedGeneration, updatedNumberScheduled: 1, desiredNumberScheduled: 1 },
  });
  const why = 'its agent is being replaced';
  expect(await healthOf({ daemonSet: daemonSet(1) })).toMatchObject([{ why }]);
  expect(await healthOf({ daemonSet: daemonSet(2) })).not.toMatchObject([{ why }]);
});

it.each([{ script: 'new', isReplaced: false }, { script: 'old', isReplaced: true }, { isReplaced: true }])(
  'compares the script of an agent during a roll-out: $script',
  async ({ isReplaced, ...pod }) => {
    const daemonSet = {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'node-access', generation: 2 },
      spec: { template: { metadata: { annotations: { 'ecr-bootstrap.dev/script-sha256': 'new' } } } },
      status: { observedGeneration: 1 },
    };
    const [health] = await healthOf({ daemonSet, ...pod });
    expect(health?.why === 'its agent is being replaced').toBe(isReplaced);
  },
);

it('reports why the kubelet ended the agent of a node, for example because its disk is full', async () => {
  const message = 'The node was low on resource: ephemeral-storage.';
  expect(await healthOf({ podStatus: { phase: 'Failed', reason: 'Evicted', message } })).toMatchObject([
    {
      code: 'node-agent-unready',
      why: `the kubelet ended its agent: ${message}`,
      hint: 'Make room on the node: kubectl describe node node-1',
    },
  ]);
});

const cannotPull = (cause: string) => {
  const message = `failed to pull and unpack image "ecr/probe@sha256:0": ${cause}`;
  return healthOf({ agent: { waiting: { reason: 'ErrImagePull', message } } });
};

it('reports that the image of the agent does not fit on the disk of a node', async () => {
  const cause = 'write /var/lib/containerd/ingest/1: no space left on device';
  expect(await cannotPull(cause)).toMatchObject([
    {
      code: 'node-agent-unready',
      why: cause,
      hint: 'Make room on the disk of the node: kubectl describe node node-1',
    },
  ]);
});

it('refers to nodes.image if the image of the agent does not exist for the platform of a node', async () => {
  const hint = expect.stringContaining('Set nodes.image') as string;
  const cause = 'no match for platform in manifest: not found';
  expect(await cannotPull(cause)).toMatchObject([{ code: 'node-agent-unready', why: cause, hint }]);
  const line = 'exec /bin/sh: exec format error';
  expect(await healthOf({ log: () => Promise.resolve(line) })).toMatchObject([{ why: line, hint }]);
});

describe('a run', () => {
  const runOf = (ctx: NodesContext): NodesRun => ({
    ctx,
    signal: new AbortController().signal,
    emit: () => undefined,
    isReadOnly: true,
  });

  it('fails the node whose agent is not ready after three minutes, and nothing else', async () => {
    const ctx = contextOf({});
    expect(await waitForNodes(runOf(ctx))).toMatchObject([
      { target: { kind: 'Node', name: 'node-1' }, error: { code: 'node-mirror-inactive' } },
    ]);
    expect(ctx.clock.now() - now).toBeLessThan(190_000);
  });

  it('fails as a whole if the nodes cannot be read', async () => {
    const ctx = contextOf({});
    const error = new BootstrapError({ code: 'cluster-denied', what: 'w', why: 'y', hint: 'h' });
    const inventory = { ...ctx.inventory, nodes: () => Promise.reject(error) };
    await expect(waitForNodes(runOf(Object.assign(ctx, { inventory })))).rejects.toBe(error);
  });
});
