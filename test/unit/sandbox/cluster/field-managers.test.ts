import { afterEach, beforeEach, expect, it } from 'vitest';
import { definitionOf } from '../../../support/custom-kind.ts';
import { startCluster, type TestCluster } from './support.ts';

let test: TestCluster;
beforeEach(async () => {
  test = await startCluster();
});
afterEach(() => test.close());

const type = 'application/apply-patch+yaml';
const path = '/apis/apps/v1/namespaces/shop/deployments/agent';

const apply = (to: string, body: object, manager = 'test', force = true) =>
  test.request('PATCH', `${to}?fieldManager=${manager}${force ? '&force=true' : ''}`, { body, type });

const deployment = (pod: object, metadata: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'agent', ...metadata },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    template: { metadata: { labels: { app: 'agent' } }, spec: pod },
  },
});

const main = { name: 'main', image: 'nginx:1.27' };
const podOf = ({ body }: { body: { spec?: unknown } }) =>
  (body.spec as { template: { spec: Record<string, unknown> } }).template.spec;
const recordOf = ({ body }: { body: { metadata: { managedFields?: object[] } } }) =>
  body.metadata.managedFields;

it('an apply removes containers, volumes and variables that its manager no longer applies', async () => {
  const container = { ...main, env: [{ name: 'A', value: '1' }], args: ['run'] };
  const volumes = [{ name: 'files', emptyDir: {} }];
  await apply(
    path,
    deployment({ initContainers: [{ ...main, name: 'init' }], containers: [container], volumes }),
  );
  const pod = podOf(await apply(path, deployment({ containers: [main] })));
  expect(pod).toMatchObject({ containers: [{ ...main, imagePullPolicy: 'IfNotPresent' }] });
  expect(Object.keys(pod)).not.toContain('volumes');
  expect(Object.keys(pod)).not.toContain('initContainers');
  expect(pod['containers']).not.toMatchObject([{ args: ['run'] }]);
  expect(pod['containers']).not.toMatchObject([{ env: [{ name: 'A' }] }]);
});

it('an apply keeps fields and items of other managers, in their order', async () => {
  const sidecar = { name: 'sidecar', image: 'proxy:1' };
  await apply(path, deployment({ containers: [main] }, { labels: { mine: '1' } }));
  await apply(path, deployment({ containers: [sidecar] }, { labels: { theirs: '1' } }), 'other');
  const answer = await apply(path, deployment({ containers: [main] }));
  expect(answer.body.metadata.labels).toEqual({ theirs: '1' });
  expect(podOf(answer)['containers']).toMatchObject([main, sidecar]);
});

it('a default that a removed field had is set again', async () => {
  await apply(path, deployment({ containers: [main], dnsPolicy: 'None' }));
  expect(podOf(await apply(path, deployment({ containers: [main] })))['dnsPolicy']).toBe('ClusterFirst');
});

it('an object keeps its finalizers and owners when a manager applies none', async () => {
  const configMap = (metadata: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  const to = '/api/v1/namespaces/shop/configmaps/a';
  await apply(to, configMap({ name: 'a', finalizers: ['example.com/a'] }), 'other');
  await apply(to, configMap({ name: 'a', finalizers: ['example.com/b'], labels: { a: '1' } }));
  const { body } = await apply(to, configMap({ name: 'a' }));
  expect(body.metadata).toMatchObject({ name: 'a', finalizers: ['example.com/a'] });
  expect(body.metadata.labels).toBeUndefined();
});

it('lists of a custom kind are replaced as a whole, and maps are merged', async () => {
  test.cluster.put(definitionOf('example.com', { kind: 'Thing', plural: 'things' }));
  await test.cluster.settled();
  const to = '/apis/example.com/v1/namespaces/shop/things/a';
  const thing = (spec: object) => ({
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 'a' },
    spec,
  });
  await apply(to, thing({ containers: [{ name: 'a' }], template: { data: { k: '1' } } }), 'other');
  await apply(to, thing({ containers: [{ name: 'b' }], template: { data: { l: '2', m: '3' } } }));
  const answer = await apply(to, thing({ containers: [{ name: 'b' }], template: { data: { l: '2' } } }));
  expect(answer.body.spec).toEqual({ containers: [{ name: 'b' }], template: { data: { k: '1', l: '2' } } });
  expect(recordOf(answer)).toMatchObject([
    { manager: 'other', fieldsV1: { 'f:spec': { 'f:template': { 'f:data': { 'f:k': {} } } } } },
    { manager: 'test', fieldsV1: { 'f:spec': { 'f:containers': {} } } },
  ]);
});

it('an object without a record gets one for its earlier fields with its first apply', async () => {
  const web = '/apis/apps/v1/namespaces/shop/deployments/web';
  const body = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { mine: '1' } },
  };
  expect(recordOf(await test.request('GET', web))).toBeUndefined();
  const managers = recordOf(await apply(web, body));
  expect(managers).toMatchObject([
    { manager: 'test', operation: 'Apply' },
    { manager: 'before-first-apply', operation: 'Update' },
  ]);
});

it('an update without a field manager belongs to the user agent', async () => {
  const answer = await test.request('POST', '/api/v1/namespaces/shop/configmaps', {
    body: { metadata: { name: 'a' }, data: { k: '1' } },
  });
  expect(recordOf(answer)).toMatchObject([{ manager: 'node', operation: 'Update', apiVersion: 'v1' }]);
});

it('a refusal names the owner and the path of an item', async () => {
  await apply(path, deployment({ containers: [main] }), 'other');
  const { code, body } = await apply(
    path,
    deployment({ containers: [{ ...main, image: 'x' }] }),
    'test',
    false,
  );
  expect(code).toBe(409);
  expect(body.message).toBe(
    'Apply failed with 1 conflict: conflict with "other": .spec.template.spec.containers[name="main"].image',
  );
});
