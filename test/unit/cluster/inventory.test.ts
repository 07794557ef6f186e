import { afterEach, beforeEach, expect, it } from 'vitest';
import { createInventory, type Inventory } from '../../../src/cluster/inventory.ts';
import { configOf } from '../../support/aws.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

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
