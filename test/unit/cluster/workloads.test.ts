import { expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { withoutDetails, workloadName, workloadsOf } from '../../../src/cluster/workloads.ts';

interface Owner {
  readonly kind: string;
  readonly name: string;
}

const object = (kind: string, name: string, rest: object = {}, owner?: Owner): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {
    name,
    namespace: 'shop',
    ...(owner && { ownerReferences: [{ apiVersion: 'v1', uid: owner.name, controller: true, ...owner }] }),
  },
  ...rest,
});

const podSpec = (...images: string[]): object => ({ containers: images.map((image) => ({ image })) });
const controller = (kind: string, name: string, image: string, owner?: Owner): KubeObject =>
  object(kind, name, { spec: { template: { spec: podSpec(image) } } }, owner);
const pod = (name: string, image: string, owner?: Owner): KubeObject =>
  object('Pod', name, { spec: podSpec(image) }, owner);
const summary = (controllers: KubeObject[], pods: KubeObject[]): string[] =>
  workloadsOf(controllers, pods).map(({ kind, name, images }) => `${kind} ${name}: ${images.join(' ')}`);

it('counts the pods of a Deployment as the Deployment, with containers that admission added', () => {
  const owned = pod('web-5d4-x', 'sidecar:1', { kind: 'ReplicaSet', name: 'web-5d4' });
  const labelled = { ...owned, metadata: { ...owned.metadata, labels: { 'pod-template-hash': '5d4' } } };
  expect(summary([controller('Deployment', 'web', 'nginx:1')], [labelled])).toEqual([
    'Deployment web: nginx:1 sidecar:1',
  ]);
});

it('collects the images and nodes of all pods of a workload, each once', () => {
  const owner = { kind: 'DaemonSet', name: 'agent' };
  const pods = ['one', 'two', 'one'].map((nodeName, index) =>
    object('Pod', `agent-${index}`, { spec: { ...podSpec('agent:1', `own:${nodeName}`), nodeName } }, owner),
  );
  const [agent] = workloadsOf([controller('DaemonSet', 'agent', 'agent:1')], pods);
  expect(agent).toMatchObject({ images: ['agent:1', 'own:one', 'own:two'], nodes: ['one', 'two'] });
});

it('includes a Deployment without pods', () => {
  expect(summary([controller('Deployment', 'web', 'nginx:1')], [])).toEqual(['Deployment web: nginx:1']);
});

it('counts the Jobs of a CronJob as the CronJob', () => {
  const cron = object('CronJob', 'nightly', {
    spec: { jobTemplate: { spec: { template: { spec: podSpec('backup:1') } } } },
  });
  const job = controller('Job', 'nightly-1', 'backup:1', { kind: 'CronJob', name: 'nightly' });
  const running = pod('nightly-1-x', 'backup:1', { kind: 'Job', name: 'nightly-1' });
  expect(summary([cron, job], [running])).toEqual(['CronJob nightly: backup:1']);
});

it('includes an owner of an unknown kind', () => {
  expect(summary([], [pod('canary-x', 'nginx:1', { kind: 'Rollout', name: 'canary' })])).toEqual([
    'Rollout canary: nginx:1',
  ]);
});

it('includes pods without an owner unless they have finished', () => {
  const finished = { ...pod('done', 'old:1'), status: { phase: 'Succeeded' } };
  expect(summary([], [pod('alone', 'nginx:1'), finished])).toEqual(['Pod alone: nginx:1']);
});

it('ignores finished pods of a Deployment, because an evicted pod may have an outdated image', () => {
  const owned = pod('web-5d4-x', 'nginx:1.27', { kind: 'ReplicaSet', name: 'web-5d4' });
  const evicted = {
    ...owned,
    metadata: { ...owned.metadata, labels: { 'pod-template-hash': '5d4' } },
    status: { phase: 'Failed', reason: 'Evicted' },
  };
  expect(summary([controller('Deployment', 'web', 'nginx:1.28')], [evicted])).toEqual([
    'Deployment web: nginx:1.28',
  ]);
});

it('includes Jobs and CronJobs whose pods have all finished', () => {
  const cron = object('CronJob', 'nightly', {
    spec: { jobTemplate: { spec: { template: { spec: podSpec('backup:2') } } } },
  });
  const ofCron = controller('Job', 'nightly-1', 'backup:1', { kind: 'CronJob', name: 'nightly' });
  const done = (job: string, image: string) => ({
    ...pod(`${job}-x`, image, { kind: 'Job', name: job }),
    status: { phase: 'Succeeded' },
  });
  const controllers = [cron, ofCron, controller('Job', 'once', 'migrate:1')];
  expect(summary(controllers, [done('nightly-1', 'backup:1'), done('once', 'migrate:1')])).toEqual([
    'CronJob nightly: backup:2',
    'Job once: migrate:1',
  ]);
});

it('identifies static pods by their mirror pods', () => {
  const mirror = pod('etcd-node-1', 'etcd:3', { kind: 'Node', name: 'node-1' });
  const annotated = {
    ...mirror,
    metadata: { ...mirror.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } },
  };
  expect(workloadsOf([], [annotated])).toMatchObject([{ kind: 'Pod', name: 'etcd-node-1', isStatic: true }]);
});

it('includes the service account, the pull secrets, and images of init and ephemeral containers', () => {
  const spec = {
    serviceAccountName: 'runner',
    imagePullSecrets: [{ name: 'theirs' }],
    initContainers: [{ image: 'init:1' }],
    containers: [{ image: 'main:1' }, { image: 'main:1' }],
    ephemeralContainers: [{ image: 'debug:1' }],
  };
  expect(workloadsOf([], [object('Pod', 'alone', { spec })])).toMatchObject([
    { serviceAccount: 'runner', pullSecrets: ['theirs'], images: ['init:1', 'main:1', 'debug:1'] },
  ]);
});

it('omits managed controllers with their pods', () => {
  const own = controller('Deployment', 'operator', 'example.org/other:1');
  const managed = {
    ...own,
    metadata: { ...own.metadata, labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' } },
  };
  const owned = pod('operator-5d4-x', 'example.org/other:1', { kind: 'ReplicaSet', name: 'operator-5d4' });
  const labelled = { ...owned, metadata: { ...owned.metadata, labels: { 'pod-template-hash': '5d4' } } };
  expect(summary([managed], [labelled])).toEqual([]);
});

it('names the workload of a pod by what the pod shows', () => {
  const hash = { 'pod-template-hash': '5d4' };
  const owned = (owner?: Owner, labels = {}): KubeObject => {
    const one = pod('web-5d4-x', 'a:1', owner);
    return { ...one, metadata: { ...one.metadata, labels } };
  };
  expect(workloadName(owned({ kind: 'ReplicaSet', name: 'web-5d4' }, hash))).toBe('shop/web');
  expect(workloadName(owned({ kind: 'ReplicaSet', name: 'own' }, hash))).toBe('shop/own');
  expect(workloadName(owned({ kind: 'StatefulSet', name: 'db' }))).toBe('shop/db');
  expect(workloadName(owned({ kind: 'Node', name: 'node-1' }))).toBe('shop/web-5d4-x');
  expect(workloadName(owned())).toBe('shop/web-5d4-x');
});

it('keeps of the volumes of a pod those that are images', () => {
  const volumes = [
    { name: 'token', projected: {} },
    { name: 'model', image: { reference: 'model:1' } },
  ];
  const { spec } = withoutDetails(object('Pod', 'web', { spec: { ...podSpec('web:1'), volumes } }));
  expect(spec).toEqual({
    containers: [{ image: 'web:1' }],
    volumes: [{ image: { reference: 'model:1' } }],
  });
});

it('keeps of the status of a pod what explains why it does not run', () => {
  const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off' } };
  const container = { name: 'main', image: 'web:1', imageID: 'web@sha256:1', ready: false, restartCount: 2 };
  const condition = { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'main' };
  const { status } = withoutDetails({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { containers: [{ name: 'main', image: 'web:1' }] },
    status: {
      phase: 'Pending',
      qosClass: 'BestEffort',
      conditions: [{ ...condition, lastProbeTime: null }],
      containerStatuses: [{ ...container, state: waiting, lastState: {}, started: false }],
    },
  });
  expect(status).toEqual({
    phase: 'Pending',
    conditions: [condition],
    containerStatuses: [{ ...container, state: waiting, lastState: {} }],
  });
});
