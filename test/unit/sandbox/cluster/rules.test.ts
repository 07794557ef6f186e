import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCluster } from './support.ts';
import type { TestCluster } from './support.ts';

const accounts = '/api/v1/namespaces/shop/serviceaccounts';
const secrets = '/api/v1/namespaces/shop/secrets';
const encode = (text: string) => Buffer.from(text).toString('base64');

let test: TestCluster;
beforeEach(async () => {
  test = await startCluster({ admissionPolicies: 'v1' });
  await test.cluster.settled();
});
afterEach(() => test.close());

describe('authentication and authorization of the API server', () => {
  it('refuses a request with an unknown or revoked token with 401', async () => {
    expect((await test.request('GET', '/api/v1/pods', { token: 'wrong' })).code).toBe(401);
    const token = test.tokenOf('jane');
    test.cluster.revokeTokens('jane');
    expect((await test.request('GET', '/api/v1/pods', { token })).code).toBe(401);
  });

  it('allows a user what its roles allow, and names a forbidden action', async () => {
    const token = test.tokenOf('jane');
    test.cluster.put({
      kind: 'Role',
      metadata: { name: 'reader', namespace: 'shop' },
      rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['a'], verbs: ['get'] }],
    });
    test.cluster.put({
      kind: 'RoleBinding',
      metadata: { name: 'reader', namespace: 'shop' },
      roleRef: { kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    expect((await test.request('GET', `${secrets}/a`, { token })).code).toBe(404);
    const forbidden = await test.request('GET', secrets, { token });
    expect([forbidden.code, forbidden.body.message]).toEqual([
      403,
      'secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "shop"',
    ]);
    const review = async (name: string) => {
      const resourceAttributes = { verb: 'get', resource: 'secrets', namespace: 'shop', name };
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      return (await test.request('POST', path, { token, body: { spec: { resourceAttributes } } })).body
        .status;
    };
    expect([await review('a'), await review('b')]).toEqual([{ allowed: true }, { allowed: false }]);
  });

  it('returns the calling user for a SelfSubjectReview', async () => {
    const { body } = await test.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: {},
    });
    expect(body.status).toMatchObject({ userInfo: { username: 'kubernetes-admin' } });
  });
});

describe('JSON patch', () => {
  const patch = (body: unknown) =>
    test.request('PATCH', `${accounts}/default`, { body, type: 'application/json-patch+json' });

  it('adds an item to a list and keeps the existing items', async () => {
    await patch([{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'other' }] }]);
    const { code, body } = await patch([
      { op: 'add', path: '/imagePullSecrets/-', value: { name: 'puller' } },
    ]);
    expect([code, body.imagePullSecrets]).toEqual([200, [{ name: 'other' }, { name: 'puller' }]]);
  });

  it('is refused with 422 when a test fails or a path is missing', async () => {
    const stale = await patch([{ op: 'test', path: '/metadata/resourceVersion', value: '1' }]);
    const missing = await patch([{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'puller' } }]);
    expect([stale.code, stale.body.reason, missing.code]).toEqual([422, 'Invalid', 422]);
  });
});

describe('server-side apply', () => {
  it('requires a field manager', async () => {
    const answer = await test.request('PATCH', `${accounts}/a`, {
      body: 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n',
      type: 'application/apply-patch+yaml',
    });
    expect([answer.code, answer.body.message]).toEqual([422, expect.stringContaining('fieldManager')]);
  });

  it('merges maps and keyed lists, and replaces the pull secrets of a service account', async () => {
    const account = (labels: object, pullSecret: string) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'a', labels },
      imagePullSecrets: [{ name: pullSecret }],
    });
    await test.request('POST', accounts, { body: account({ x: '1' }, 'old') });
    const { body } = await test.apply(`${accounts}/a`, account({ y: '2' }, 'new'), '&force=true');
    expect([body.metadata.labels, body.imagePullSecrets]).toEqual([{ x: '1', y: '2' }, [{ name: 'new' }]]);

    const spec = { template: { spec: { containers: [{ name: 'web', args: ['--x'] }] } } };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec };
    const applied = await test.apply('/apis/apps/v1/namespaces/shop/deployments/web', deployment);
    expect(applied.body.spec).toMatchObject({
      template: { spec: { containers: [{ name: 'web', image: 'nginx:1.27', args: ['--x'] }] } },
    });
  });
});

describe('Secrets', () => {
  const createSecret = (name: string, type: string, data: object) =>
    test.request('POST', secrets, { body: { metadata: { name }, type, data } });

  it('cannot change their type', async () => {
    await createSecret('a', 'Opaque', {});
    const body = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': encode('{}') },
    };
    const { code, body: status } = await test.apply(`${secrets}/a`, body, '&force=true');
    expect([code, status.message]).toEqual([422, expect.stringContaining('field is immutable')]);
  });

  it('of type dockerconfigjson need a key of this name with a JSON object', async () => {
    const type = 'kubernetes.io/dockerconfigjson';
    expect((await createSecret('a', type, {})).code).toBe(422);
    expect((await createSecret('a', type, { '.dockerconfigjson': encode('no') })).code).toBe(422);
    expect((await createSecret('a', type, { '.dockerconfigjson': encode('{}') })).code).toBe(201);
  });

  it('can be selected by type', async () => {
    await createSecret('a', 'Opaque', {});
    const { body } = await test.request('GET', '/api/v1/secrets?fieldSelector=type%3DOpaque');
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(['a']);
  });
});

describe('Namespaces', () => {
  it('get a default service account and a root CA, and are deleted with their contents', async () => {
    await test.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'fresh' } } });
    await test.cluster.settled();
    expect(test.cluster.get('ServiceAccount', 'default', 'fresh')).toBeDefined();
    expect(test.cluster.get('ConfigMap', 'kube-root-ca.crt', 'fresh')).toBeDefined();
    await test.request('DELETE', '/api/v1/namespaces/fresh');
    expect(test.cluster.get('ServiceAccount', 'default', 'fresh')).toBeUndefined();
  });
});

describe('the deletion of an owner', () => {
  const dependent = () => test.cluster.list('Pod', 'shop');
  const path = '/apis/apps/v1/namespaces/shop/deployments/web';

  it('deletes its dependents', async () => {
    expect(dependent()).toHaveLength(1);
    await test.request('DELETE', path);
    expect(dependent()).toHaveLength(0);
  });

  it('keeps its dependents with the propagation policy Orphan', async () => {
    await test.request('DELETE', path, { body: { propagationPolicy: 'Orphan' } });
    expect(dependent()).toHaveLength(1);
  });
});

describe('mutating admission policies', () => {
  const policy = (expression: string, matchConditions: object[] = []) => {
    const resourceRules = [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['serviceaccounts'],
      },
    ];
    const namespaceSelector = {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['monitoring'] }],
    };
    test.cluster.put({
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: 'puller' },
      spec: {
        matchConstraints: { namespaceSelector, resourceRules },
        matchConditions,
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
      },
    });
  };
  const bind = () =>
    test.cluster.put({
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name: 'puller' },
      spec: { policyName: 'puller' },
    });
  const create = (namespace = 'shop', parameters = '?dryRun=All') =>
    test.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts${parameters}`, {
      body: { metadata: { name: 'a' }, imagePullSecrets: [{ name: 'other' }] },
    });
  const untyped = '[JSONPatch{op: "add", path: "/imagePullSecrets/-", value: {"name": "puller"}}]';

  it('append their pull secret when they are bound and match', async () => {
    policy(untyped);
    expect((await create()).body.imagePullSecrets).toEqual([{ name: 'other' }]);
    bind();
    expect((await create()).body.imagePullSecrets).toEqual([{ name: 'other' }, { name: 'puller' }]);
    expect((await create('monitoring')).body.imagePullSecrets).toEqual([{ name: 'other' }]);
  });

  it('skip service accounts that a match condition excludes', async () => {
    policy(untyped, [{ name: 'covered', expression: '!(request.namespace).matches("^kube-[^/]*$")' }]);
    bind();
    expect((await create('kube-public')).body.imagePullSecrets).toEqual([{ name: 'other' }]);
    expect((await create()).body.imagePullSecrets).toEqual([{ name: 'other' }, { name: 'puller' }]);
  });

  it('change the default service account of a new namespace', async () => {
    policy(untyped);
    bind();
    test.cluster.put({ kind: 'Namespace', metadata: { name: 'fresh' } });
    await test.cluster.settled();
    expect(test.cluster.get('ServiceAccount', 'default', 'fresh')?.['imagePullSecrets']).toEqual([
      { name: 'puller' },
    ]);
  });

  it('with a typed value make every request for a service account fail', async () => {
    policy(
      '[JSONPatch{op: "add", path: "/imagePullSecrets/-", value: Object.imagePullSecrets{name: "puller"}}]',
    );
    bind();
    test.cluster.put({ kind: 'Namespace', metadata: { name: 'fresh' } });
    await test.cluster.settled();
    expect((await create()).code).toBe(500);
    expect(test.cluster.get('ServiceAccount', 'default', 'fresh')).toBeUndefined();
  });
});

describe('planned faults and recorded calls of the API server', () => {
  const list = () => test.request('GET', '/api/v1/pods');

  it.each([
    ['throttle', 429],
    ['error', 500],
    ['deny', 403],
  ] as const)('a fault of kind %s gives %i', async (kind, code) => {
    test.faults.plan({ kind, service: 'kubernetes', operation: 'list pods', to: 1 });
    expect((await list()).code).toBe(code);
    expect((await list()).code).toBe(200);
  });

  it('a reset has no effect, and a lost response cuts the connection after the write', async () => {
    const body = { metadata: { name: 'a' } };
    test.faults.plan({ kind: 'reset', operation: 'create secrets', to: 1 });
    test.faults.plan({ kind: 'lost', operation: 'create secrets', from: 2 });
    await expect(test.request('POST', secrets, { body })).rejects.toThrow();
    expect(test.cluster.get('Secret', 'a', 'shop')).toBeUndefined();
    await expect(test.request('POST', secrets, { body })).rejects.toThrow();
    expect(test.cluster.get('Secret', 'a', 'shop')).toBeDefined();
  });

  it('a call is recorded with its resource, its caller and whether it writes', async () => {
    await test.request('POST', secrets, { body: { metadata: { name: 'a' } } });
    await test.request('DELETE', `${secrets}/a`);
    expect(test.faults.calls).toMatchObject([
      { operation: 'create secrets', resource: 'shop', writes: true, caller: 'kubernetes-admin' },
      { operation: 'delete secrets', resource: 'shop/a', writes: true },
    ]);
  });
});
