import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../sandbox/cluster/index.ts';
import type { Event } from '../../../../src/core/step.ts';
import type { Finding } from '../../../../src/core/findings.ts';
import { operator } from '../../../../src/steps/operator.ts';
import { pullSecretBootstrap } from '../../../../src/steps/pull-secret-bootstrap.ts';
import { applyStep, planStep, runOf } from '../../../contract/step-contract.ts';
import { OperatorWorld, type WorldOptions } from '../operator-world.ts';

const namespace = 'external-secrets';
const open: OperatorWorld[] = [];
const start = async (options?: WorldOptions): Promise<OperatorWorld> => {
  const world = await OperatorWorld.start(options);
  open.push(world);
  return world.prepare();
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.close()));
});

/** Edits an object, like a user with kubectl. */
function edit(world: OperatorWorld, kind: string, name: string, change: (text: string) => string): void {
  const object = world.inside.get(kind, name, namespace) ?? world.inside.get(kind, name);
  world.inside.put(JSON.parse(change(JSON.stringify(object))) as KubeObject);
}

const podOf = (world: OperatorWorld, part: string): KubeObject =>
  world.inside
    .list('Pod', namespace)
    .find(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === part) as KubeObject;

/** Assigns the pod to a node that does not exist, so that no kubelet changes its status. */
const onLostNode = (pod: KubeObject, status: object): KubeObject => ({
  ...pod,
  spec: { ...(pod.spec as object), nodeName: 'lost' },
  status,
});

/** Adds a second pod of the controller, first by name, that no ReplicaSet owns. */
function addPod(world: OperatorWorld, status: object): void {
  const pod = podOf(world, 'external-secrets');
  const { labels = {}, annotations = {} } = pod.metadata;
  const metadata = { name: 'external-secrets-0', namespace, labels, annotations };
  world.inside.put({ ...onLostNode(pod, status), metadata });
}

/** Prevents the pod of a component from starting, for a reason with which the kubelet retries. */
function stall(world: OperatorWorld, part: string, waiting: object): void {
  const containerStatuses = [{ name: 'c', image: 'c', ready: false, restartCount: 0, state: { waiting } }];
  world.inside.put(onLostNode(podOf(world, part), { phase: 'Pending', containerStatuses }));
}

async function healthOf(world: OperatorWorld): Promise<readonly Finding[]> {
  const ctx = world.context();
  return (await operator.health?.(await operator.observe(ctx), ctx)) ?? [];
}

/** Otherwise new pods would use the images on the node. */
const removeImages = ({ inside }: OperatorWorld): void =>
  inside.machine('node-1').removeImages(({ reference }) => !reference.path.endsWith('pause'));

describe('the operator', () => {
  it('is planned in the required order: certificate, webhook, webhook configurations', async () => {
    const { changes } = await planStep(operator, await start());
    const names = changes.map(({ target }) => `${target.kind} ${target.name}`);
    const order = [
      'ServiceAccount external-secrets/external-secrets',
      'ClusterRoleBinding external-secrets-controller',
      'Secret external-secrets/external-secrets-webhook',
      'Service external-secrets/external-secrets-webhook',
      'Deployment external-secrets/external-secrets-cert-controller',
      'Deployment external-secrets/external-secrets-webhook',
      'ValidatingWebhookConfiguration externalsecret-validate',
    ].map((name) => names.indexOf(name));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((one, other) => one - other));
  });

  it('runs with images from the private registry', async () => {
    const world = await start();
    await applyStep(operator, world);
    const pods = world.inside.list('Pod', namespace);
    expect(pods).toHaveLength(3);
    for (const pod of pods) {
      const image = `${world.sandbox.registryHost}/myproject/external-secrets:v0.12.1`;
      expect(pod).toHaveProperty('spec.containers.0.image', image);
      expect(pod).toHaveProperty('status.phase', 'Running');
    }
  });

  it.each([
    [{ image: null }, /does not have the image/, /operator-image/],
    [{ image: { platforms: ['linux/arm64'] } }, /node's platform/, /images\.platforms/],
    [{ externalSecrets: { nodeSelector: { disk: 'fast' } } }, /no node can run it/, /nodeSelector/],
  ] as const)('stops early with the cause when a pod cannot start: %o', async (options, why, hint) => {
    const world = await start(options);
    await expect(applyStep(operator, world)).rejects.toMatchObject({
      code: 'not-ready',
      why: expect.stringMatching(why) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  it('stops early on a tainted node, and tolerates configured taints', async () => {
    const key = 'node-role.kubernetes.io/control-plane';
    const taint = ({ inside }: OperatorWorld): void => {
      const [node] = inside.list('Node');
      if (node) inside.put({ ...node, spec: { taints: [{ key, effect: 'NoSchedule' }] } });
    };
    const strict = await start();
    taint(strict);
    await expect(applyStep(operator, strict)).rejects.toMatchObject({
      why: expect.stringContaining('no node can run it') as string,
      hint: expect.stringContaining('externalSecrets.tolerations') as string,
    });
    const tolerant = await start({ externalSecrets: { tolerations: [{ key, operator: 'Exists' }] } });
    taint(tolerant);
    await applyStep(operator, tolerant);
  });

  it('starts again at once after its expired pull secret was replaced', async () => {
    const world = await start();
    await applyStep(operator, world);
    world.sandbox.clock.advance(13 * 3_600_000);
    removeImages(world);
    for (const { metadata } of world.inside.list('Pod', namespace))
      world.inside.delete('Pod', metadata.name, namespace);
    await world.inside.settled();
    expect(world.inside.list('Pod', namespace)).toHaveProperty('0.status.phase', 'Pending');
    await applyStep(pullSecretBootstrap, world);
    await applyStep(operator, world);
    for (const pod of world.inside.list('Pod', namespace))
      expect(pod).toHaveProperty('status.phase', 'Running');
  });

  it('never changes the data of the webhook certificate', async () => {
    const world = await start();
    await applyStep(operator, world);
    const before = world.inside.get('Secret', 'external-secrets-webhook', namespace) as KubeObject & {
      data: unknown;
    };
    edit(world, 'Secret', 'external-secrets-webhook', (text) =>
      text.replace('"external-secrets.io/component":"webhook"', '"a":"b"'),
    );
    await applyStep(operator, world);
    expect(world.inside.get('Secret', 'external-secrets-webhook', namespace)).toHaveProperty(
      'data',
      before.data,
    );
  });

  it('is adopted object by object when its objects are unmanaged', async () => {
    const world = await start();
    await applyStep(operator, world);
    const label = '"app.kubernetes.io/managed-by":"ecr-bootstrap"';
    for (const name of ['external-secrets', 'external-secrets-webhook']) {
      edit(world, 'Deployment', name, (text) => text.replace(label, '"app.kubernetes.io/managed-by":"Helm"'));
    }
    const { changes } = await planStep(operator, world);
    expect(changes.map(({ target, adopts }) => [target.name, adopts?.owner])).toEqual([
      ['external-secrets/external-secrets', 'Helm'],
      ['external-secrets/external-secrets-webhook', 'Helm'],
    ]);
  });

  it('is not changed when install is false', async () => {
    const world = await OperatorWorld.start({ externalSecrets: { install: false } });
    open.push(world);
    expect(await planStep(operator, world)).toEqual({ changes: [], findings: [] });
  });

  it('has no findings when it is healthy', async () => {
    const world = await start();
    await applyStep(operator, world);
    const ctx = world.context();
    expect(await operator.health?.(await operator.observe(ctx), ctx)).toEqual([]);
  });

  it('is unhealthy when a pod cannot pull, and the finding shows the cause', async () => {
    const world = await start();
    await applyStep(operator, world);
    world.sandbox.aws.registry.repositories.clear();
    removeImages(world);
    const [pod] = world.inside.list('Pod', namespace);
    world.inside.delete('Pod', pod?.metadata.name ?? '', namespace);
    await world.inside.settled();
    const ctx = world.context();
    expect(await operator.health?.(await operator.observe(ctx), ctx)).toContainEqual(
      expect.objectContaining({
        level: 'failed',
        code: 'operator-unhealthy',
        why: expect.stringContaining('the registry does not have the image') as string,
      }),
    );
  });

  it.each([
    ['evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['finished', { phase: 'Succeeded' }],
    ['starting', { phase: 'Pending' }],
  ])('is ready when one pod of its controller runs and another is %s', async (_, status) => {
    const world = await start({ fast: true });
    await applyStep(operator, world);
    addPod(world, status);
    await applyStep(operator, world);
    expect(await healthOf(world)).toEqual([]);
  });

  it('is unhealthy when its only pod is evicted', async () => {
    const world = await start({ fast: true });
    await applyStep(operator, world);
    addPod(world, { phase: 'Failed', reason: 'Evicted' });
    edit(world, 'Deployment', 'external-secrets', (text) => text.replace('"replicas":1', '"replicas":0'));
    await world.inside.settled();
    expect(await healthOf(world)).toContainEqual(
      expect.objectContaining({
        level: 'failed',
        what: 'Deployment external-secrets/external-secrets has no pods',
      }),
    );
  });

  it.each([
    ['external-secrets', 'tokens are no longer renewed'],
    ['external-secrets-webhook', 'ExternalSecrets'],
    ['external-secrets-cert-controller', "webhook's certificate"],
  ])('is unhealthy when no pod of %s starts, and the finding shows the impact', async (part, means) => {
    const world = await start({ fast: true });
    await applyStep(operator, world);
    stall(world, part, { reason: 'CreateContainerConfigError', message: 'secret "proxy" not found' });
    world.sandbox.clock.advance(3 * 60_000);
    const findings = await healthOf(world);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toEqual({
      level: 'failed',
      code: 'operator-unhealthy',
      target: { kind: 'Deployment', name: `${namespace}/${part}` },
      what: `Deployment ${namespace}/${part} has no running pod`,
      why: expect.stringMatching(
        new RegExp(`${means}.*CreateContainerConfigError: secret "proxy" not found`),
      ) as string,
      hint: `Find out why: kubectl describe pod -n ${namespace} -l app.kubernetes.io/name=${part}`,
    });
  });

  it('counts as healthy for two minutes while its pods start', async () => {
    const world = await start({ fast: true });
    await applyStep(operator, world);
    world.sandbox.clock.advance(3_600_000);
    world.inside.delete('Pod', podOf(world, 'external-secrets').metadata.name, namespace);
    await world.inside.settled();
    stall(world, 'external-secrets', { reason: 'ContainerCreating' });
    world.sandbox.clock.advance(60_000);
    expect(await healthOf(world)).toEqual([]);
    world.sandbox.clock.advance(2 * 60_000);
    expect(await healthOf(world)).toHaveLength(1);
  });

  it('counts as healthy for two minutes after a first crash, regardless of the age of its pod', async () => {
    const world = await start({ fast: true });
    await applyStep(operator, world);
    world.sandbox.clock.advance(3_600_000);
    const lastTransitionTime = new Date(world.context().clock.now()).toISOString();
    const containerStatuses = [{ restartCount: 0, state: { terminated: { reason: 'OOMKilled' } } }];
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime }];
    const status = { phase: 'Running', conditions, containerStatuses };
    world.inside.put(onLostNode(podOf(world, 'external-secrets'), status));
    expect(await healthOf(world)).toEqual([]);
  });

  it('renders as YAML without secret values', async () => {
    const world = await start();
    const objects = (await operator.render?.(world.context())) ?? [];
    expect(objects).toHaveLength(19);
    for (const object of objects)
      if ((object as KubeObject).kind === 'Secret') expect(object).not.toHaveProperty('data');
  });

  it('reports its progress without secret values', async () => {
    const world = await start();
    const events: Omit<Event, 'step'>[] = [];
    const ctx = world.context();
    const state = await operator.observe(ctx);
    const run = { ...runOf(ctx), emit: (event: Omit<Event, 'step'>) => void events.push(event) };
    await operator.apply(operator.diff(state, ctx).changes, state, run);
    await operator.ready?.(state, run);
    expect(events).not.toEqual([]);
    const secret = world.inside.get('Secret', 'puller', namespace) as KubeObject & {
      data: Record<string, string>;
    };
    expect(inspect(events, { depth: null })).not.toContain(secret.data['.dockerconfigjson']);
  });
});
