import { afterEach, beforeEach, expect, it } from 'vitest';
import { createInventory, type Inventory } from '../../../src/cluster/inventory.ts';
import { configOf } from '../../support/aws.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { definitionOf } from '../../support/custom-kind.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster({
    nodes: [
      { name: 'one', architecture: 'amd64' },
      { name: 'two', architecture: 'arm64' },
      { name: 'three', architecture: 'amd64' },
    ],
  });
});

afterEach(() => cluster.close());

const inventory = (settings: object = {}): Inventory => createInventory(cluster.port, configOf(settings));

it('marks namespaces that opt out by label or configuration', async () => {
  const labels = { 'ecr-bootstrap.dev/ignore': 'true' };
  cluster.inside.put({ kind: 'Namespace', metadata: { name: 'quiet', labels } });
  const namespaces = await inventory({ namespaces: { exclude: ['kube-*'] } }).namespaces();
  const ignored = namespaces.filter((one) => one.ignored).map(({ name }) => name);
  expect(ignored.sort()).toEqual(['kube-node-lease', 'kube-public', 'kube-system', 'quiet']);
});

it('lists each platform of the nodes once', async () => {
  expect(await inventory().platforms()).toEqual(['linux/amd64', 'linux/arm64']);
});

it('lists the pull secrets of all namespaces without their values', async () => {
  const data = { '.dockerconfigjson': 'e30=' };
  cluster.inside.put({ kind: 'Secret', metadata: { name: 'puller', namespace: 'shop' }, data });
  cluster.inside.put({ kind: 'Secret', metadata: { name: 'other', namespace: 'shop' }, data });
  const secrets = await inventory().pullSecrets();
  expect(secrets.map(({ metadata }) => metadata.name)).toEqual(['puller']);
  expect(secrets[0]).not.toHaveProperty('data');
});

it('lists no ExternalSecrets when the cluster does not serve that kind', async () => {
  expect(await inventory().externalSecrets()).toEqual([]);
});

it('requests each list once', async () => {
  const one = inventory();
  await Promise.all([one.workloads(), one.pods(), one.workloads(), one.namespaces(), one.namespaces()]);
  const lists = cluster.sandbox.faults.calls
    .map(({ operation }) => operation)
    .filter((name) => name.startsWith('list '));
  expect(lists.toSorted()).toEqual([...new Set(lists)].sort());
});

const template = (image: string): object => ({ spec: { containers: [{ name: 'main', image }] } });
const put = (kind: string, name: string, rest: object): void =>
  void cluster.inside.put({ kind, metadata: { name, namespace: 'shop' }, ...rest });
const sourcesOf = async (kind: string, one = inventory()): Promise<readonly string[]> =>
  (await one.imageSources()).filter((source) => source.kind === kind).flatMap(({ images }) => images);

it('finds the images of ReplicaSets, ReplicationControllers and PodTemplates', async () => {
  put('ReplicaSet', 'alone', { spec: { replicas: 0, selector: {}, template: template('alone:1') } });
  put('ReplicationController', 'old', { spec: { replicas: 0, template: template('old:1') } });
  put('PodTemplate', 'job', { template: template('job:1') });
  expect(await sourcesOf('ReplicaSet')).toEqual(['alone:1']);
  expect(await sourcesOf('ReplicationController')).toEqual(['old:1']);
  expect(await sourcesOf('PodTemplate')).toEqual(['job:1']);
});

it('counts the images of earlier revisions as in use, but copies no images for them', async () => {
  const labels = { 'pod-template-hash': '5d4' };
  cluster.inside.put({
    kind: 'ReplicaSet',
    metadata: { name: 'web-5d4', namespace: 'shop', labels },
    spec: { replicas: 0, selector: {}, template: template('web:1') },
  });
  expect(await sourcesOf('ReplicaSet')).toEqual([]);
  const { sources } = await inventory().imageUse();
  expect(sources.flatMap(({ images }) => images)).toContain('web:1');
});

const fields = { images: { fields: { 'proxies.example.org': ['.spec.image', '.spec.sidecars[*].image'] } } };

it('finds images in fields of custom resources, and reports other values once', async () => {
  cluster.inside.put(definitionOf('example.org', { kind: 'Proxy', plural: 'proxies' }));
  await cluster.inside.settled();
  put('Proxy', 'good', { spec: { image: 'proxy:1', sidecars: [{ image: 'side:1' }, { image: '' }, {}] } });
  put('Proxy', 'odd', {
    spec: { image: '{{ .image }}', sidecars: [{ image: '$(TAG)' }, { image: 7 }, { image: null }] },
  });
  const one = inventory(fields);
  expect(await sourcesOf('Proxy', one)).toEqual(['proxy:1', 'side:1']);
  expect(await one.unreadImages()).toEqual([
    expect.objectContaining({
      what: 'skipped "{{ .image }}" in Proxy shop/odd and 3 more, named by images.fields',
      isBlind: false,
    }),
  ]);
});

it('reports a custom resource that the cluster does not serve', async () => {
  const one = inventory(fields);
  expect(await sourcesOf('Proxy', one)).toEqual([]);
  expect(await one.unreadImages()).toMatchObject([
    { what: 'images.fields has proxies.example.org', isBlind: true },
  ]);
});

it('works without the kinds that the user may not list, and reports them', async () => {
  const stop = cluster.sandbox.faults.plan({ kind: 'deny', operation: 'list jobs' });
  const one = inventory();
  expect((await one.workloads()).map(({ name }) => name)).toContain('web');
  expect(await one.unreadImages()).toMatchObject([{ what: 'could not list jobs', isBlind: true }]);
  stop();
  expect(await inventory().unreadImages()).toEqual([]);
});

const configureKubeadm = (ClusterConfiguration: string): void => {
  cluster.inside.put({
    kind: 'ConfigMap',
    metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
    data: { ClusterConfiguration },
  });
};

it.each([
  ['block YAML', 'imageRepository: registry.k8s.io\nkubernetesVersion: "v1.37.0+build" # next\n'],
  ['JSON', '{"imageRepository": "registry.k8s.io", "kubernetesVersion": "v1.37.0+build"}'],
])(
  'adds the images of the version that an upgrade of kubeadm has begun to install, from %s',
  async (_, text) => {
    expect(await sourcesOf('ConfigMap')).toEqual([]);
    configureKubeadm(text);
    const images = await sourcesOf('ConfigMap');
    expect(images).toContain('registry.k8s.io/kube-apiserver:v1.37.0_build');
    expect(images).toContain('registry.k8s.io/kube-proxy:v1.37.0_build');
    expect(images.join()).not.toMatch(/coredns|etcd/);
  },
);

it.each([
  '',
  'null',
  '[',
  '- a',
  'imageRepository: {}\nkubernetesVersion: v1.37.0',
  'kubernetesVersion: v1.37.0',
  'imageRepository: registry.k8s.io\nkubernetesVersion: "v1.37.0 or later"',
])('adds no images for the kubeadm configuration %j', async (text) => {
  configureKubeadm(text);
  expect(await sourcesOf('ConfigMap')).toEqual([]);
});

it.each(['get configmaps', 'list pods', 'list podtemplates', 'list replicasets'])(
  'works without the permission to %s, and reports that',
  async (operation) => {
    cluster.sandbox.faults.plan({ kind: 'deny', operation });
    const one = inventory();
    expect((await one.imageSources()).map(({ name }) => name)).toContain('web');
    expect((await one.unreadImages()).map(({ isBlind }) => isBlind)).toEqual([true]);
  },
);

it.each(['list nodes', 'list replicasets'])(
  'does not claim to know the use without the permission to %s',
  async (operation) => {
    cluster.sandbox.faults.plan({ kind: 'deny', operation });
    const { unread } = await inventory().imageUse();
    expect(unread.map(({ isBlind }) => isBlind)).toEqual([true]);
  },
);

it('keeps of pods only what is read', async () => {
  put('Pod', 'large', {
    spec: {
      containers: [{ name: 'main', image: 'large:1', env: [{ name: 'A', value: 'B' }] }],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'models', image: { reference: 'models:1' } },
      ],
    },
  });
  const pods = await inventory().pods();
  const large = JSON.stringify(pods.find(({ metadata }) => metadata.name === 'large'));
  expect(large).toContain('large:1');
  expect(large).toContain('models:1');
  expect(large).not.toMatch(/env|emptyDir|managedFields/);
});

const listsOfPods = (): number =>
  cluster.sandbox.faults.calls.filter(({ operation }) => operation === 'list pods').length;

it('finds the pods of the agents among those that are read already', async () => {
  const labels = { 'app.kubernetes.io/name': 'node-access' };
  const agent = { name: 'agent', namespace: 'ecr-bootstrap', labels };
  for (const metadata of [agent, { ...agent, name: 'elsewhere', namespace: 'shop' }])
    cluster.inside.put({ kind: 'Pod', metadata, ...template('agent:1') });
  cluster.inside.put({
    kind: 'Pod',
    metadata: { ...agent, name: 'other', labels: {} },
    ...template('other:1'),
  });
  const one = inventory();
  const names = async () => (await one.agentPods()).map(({ metadata }) => metadata.name);
  expect(await names()).toEqual(['agent']);
  await one.pods();
  const before = listsOfPods();
  expect(await names()).toEqual(['agent']);
  expect(listsOfPods()).toBe(before);
});

it('leaves out the records of server-side apply of what is never compared', async () => {
  put('ServiceAccount', 'web', { imagePullSecrets: [{ name: 'own' }] });
  const accounts = await inventory().serviceAccounts();
  const web = accounts.find(({ metadata }) => metadata.name === 'web');
  expect(web).toMatchObject({ imagePullSecrets: [{ name: 'own' }], metadata: { namespace: 'shop' } });
  expect(JSON.stringify([...accounts, ...(await inventory().nodes())])).not.toContain('managedFields');
});
