import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../../../sandbox/cluster/pods.ts';
import { startCluster } from './support.ts';
import type { TestCluster } from './support.ts';

const image = 'registry.example/web:1';
const encode = (text: string) => Buffer.from(text).toString('base64');

let test: TestCluster;
beforeEach(async () => {
  test = await startCluster();
  await test.cluster.settled();
});
afterEach(() => test.close());

const pod = (name = 'a', spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'web', image }], ...spec },
});
async function create(body: object): Promise<number> {
  const { code } = await test.request('POST', '/api/v1/namespaces/shop/pods', { body });
  await test.cluster.settled();
  return code;
}
const read = (name = 'a') => test.cluster.get('Pod', name, 'shop') as Pod | undefined;
const waiting = () => read()?.status?.containerStatuses?.[0]?.state.waiting;
const account = (secret: string) =>
  test.cluster.put({
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'shop' },
    imagePullSecrets: [{ name: secret }],
  });

describe('the initial pods of the cluster', () => {
  it('run without any pull', () => {
    const pods = test.cluster.list('Pod') as Pod[];
    expect(pods.map(({ status }) => status?.phase)).toEqual(pods.map(() => 'Running'));
    expect(test.pulls.configs.size).toBe(0);
  });

  it('include mirror pods for the static pods of the control plane', () => {
    const mirrors = test.cluster
      .list('Pod', 'kube-system')
      .filter(({ metadata }) => metadata.annotations?.['kubernetes.io/config.mirror']);
    expect(mirrors).toHaveLength(4);
  });
});

it.each([
  ['secret', { secret: { secretName: 'files' } }, { kind: 'Secret' }],
  ['configmap', { configMap: { name: 'files' } }, { kind: 'ConfigMap' }],
])('a pod waits until the %s that it mounts exists', async (kind, source, missing) => {
  const volumes = [{ name: 'files', ...source }];
  const volumeMounts = [{ name: 'files', mountPath: '/files' }];
  await create(pod('a', { volumes, containers: [{ name: 'web', image, volumeMounts }] }));
  expect(read()?.status?.phase).toBe('Pending');
  expect(
    test.cluster.list('Event', 'shop').map((event) => (event as { message?: string }).message),
  ).toContain(`MountVolume.SetUp failed for volume "files" : ${kind} "files" not found`);
  test.cluster.put({ ...missing, metadata: { name: 'files', namespace: 'shop' } });
  await test.cluster.settled();
  expect(waiting()?.reason).not.toBe('ContainerCreating');
});

it('a pod does not wait for a volume that no container mounts', async () => {
  await create(pod('a', { volumes: [{ name: 'files', secret: { secretName: 'files' } }] }));
  expect(waiting()?.reason).not.toBe('ContainerCreating');
});

describe('pull secrets of a pod', () => {
  it('are copied from the service account at creation, if the pod has none', async () => {
    account('puller');
    await create(pod());
    await create(pod('b', { imagePullSecrets: [{ name: 'own' }] }));
    account('later');
    expect([read()?.spec.imagePullSecrets, read('b')?.spec.imagePullSecrets]).toEqual([
      [{ name: 'puller' }],
      [{ name: 'own' }],
    ]);
  });

  it('are read from the namespace for the pull', async () => {
    const data = { '.dockerconfigjson': encode('{"auths":{}}') };
    test.cluster.put({
      kind: 'Secret',
      metadata: { name: 'puller', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
      data,
    });
    account('puller');
    await create(pod());
    expect(test.pulls.configs.get(image)).toEqual(['{"auths":{}}']);
  });

  it('cannot come from a missing service account', async () => {
    expect(await create(pod('a', { serviceAccountName: 'nobody' }))).toBe(403);
  });
});

describe('a failed image pull', () => {
  beforeEach(async () => {
    test.pulls.results.set(image, 'unauthorized');
    await create(pod());
  });

  it('leaves the container waiting and reports the cause in an event', () => {
    expect(waiting()).toMatchObject({
      reason: 'ErrImagePull',
      message: expect.stringContaining('401 Unauthorized') as string,
    });
    const events = test.cluster.list('Event', 'shop').filter((event) => event['reason'] === 'Failed');
    expect(events.map((event) => String(event['message'])).join()).toContain(
      `Failed to pull image "${image}"`,
    );
  });

  it('backs off, and succeeds after a Secret changes', async () => {
    test.clock.advance(60_000);
    await test.cluster.settled();
    expect(waiting()?.reason).toBe('ImagePullBackOff');
    test.pulls.results.delete(image);
    test.cluster.put({ kind: 'Secret', metadata: { name: 'puller', namespace: 'shop' }, data: {} });
    await test.cluster.settled();
    expect(read()?.status?.phase).toBe('Running');
  });

  it('succeeds without other changes after the registry changes', async () => {
    test.pulls.results.delete(image);
    await expect.poll(() => read()?.status?.phase, { timeout: 5000 }).toBe('Running');
  });
});

describe('the scheduler', () => {
  it('leaves a pod pending and unschedulable when it does not tolerate the taints of any node', async () => {
    const node = test.cluster.get('Node', 'node-1');
    const taints = [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }];
    if (node) test.cluster.put({ ...node, spec: { taints } });
    await create(pod());
    expect(read()?.status).toMatchObject({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', reason: 'Unschedulable' }],
    });
    await create(
      pod('b', { tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] }),
    );
    expect(read('b')?.status?.phase).toBe('Running');
  });
});

describe('Deployments', () => {
  const path = '/apis/apps/v1/namespaces/shop/deployments/web';

  it('keep the old pod until the new one is ready', async () => {
    test.pulls.results.set(image, 'not-found');
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: { template: { spec: { containers: [{ name: 'web', image }] } } },
    };
    await test.apply(path, body, '&force=true');
    await test.cluster.settled();
    expect(test.cluster.list('Pod', 'shop')).toHaveLength(2);
    expect(test.cluster.get('Deployment', 'web', 'shop')?.status).toMatchObject({
      availableReplicas: 1,
      observedGeneration: 2,
    });
    test.pulls.results.delete(image);
    test.clock.advance(1000);
    await test.cluster.settled();
    expect((test.cluster.list('Pod', 'shop') as Pod[]).map(({ spec }) => spec.containers[0]?.image)).toEqual([
      image,
    ]);
  });

  it('replace a deleted pod', async () => {
    const [old] = test.cluster.list('Pod', 'shop');
    await test.request('DELETE', `/api/v1/namespaces/shop/pods/${old?.metadata.name}`);
    await test.cluster.settled();
    const [fresh] = test.cluster.list('Pod', 'shop');
    expect([fresh?.metadata.uid === old?.metadata.uid, (fresh as Pod).status?.phase]).toEqual([
      false,
      'Running',
    ]);
  });
});
