import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCluster } from './support.ts';
import type { TestCluster } from './support.ts';

let test: TestCluster;
beforeEach(async () => {
  test = await startCluster();
});
afterEach(() => test.close());

const configMaps = '/api/v1/namespaces/shop/configmaps';
const configMap = (name: string, extra: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...extra },
});

describe('API discovery', () => {
  it('returns the configured version', async () => {
    expect((await test.request('GET', '/version')).body['gitVersion']).toBe('v1.36.3');
  });

  it('lists groups and the resources of a group version', async () => {
    const groups = (await test.request('GET', '/apis')).body['groups'] as { name: string }[];
    expect(groups.map(({ name }) => name)).toContain('apps');
    const { resources } = (await test.request('GET', '/apis/apps/v1')).body as unknown as {
      resources: { name: string }[];
    };
    expect(resources.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['deployments', 'deployments/status']),
    );
  });

  it('gives the short names of kinds, which kubectl accepts', async () => {
    const { resources } = (await test.request('GET', '/api/v1')).body as unknown as {
      resources: { name: string; shortNames?: string[] }[];
    };
    const shortNames = Object.fromEntries(resources.map((one) => [one.name, one.shortNames]));
    expect(shortNames).toMatchObject({ pods: ['po'], namespaces: ['ns'], serviceaccounts: ['sa'] });
    expect(resources.find(({ name }) => name === 'secrets')).not.toHaveProperty('shortNames');
  });

  it('returns 404 for a kind that is not served', async () => {
    expect((await test.request('GET', '/apis/external-secrets.io/v1beta1/externalsecrets')).code).toBe(404);
  });

  it('serves admission policies only with the option for it', async () => {
    expect(
      (await test.request('GET', '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies')).code,
    ).toBe(404);
    const newer = await startCluster({ admissionPolicies: 'v1beta1' });
    const { code } = await newer.request(
      'GET',
      '/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies',
    );
    await newer.close();
    expect(code).toBe(200);
  });
});

describe('the API server', () => {
  it('refuses protobuf, which kubectl create sends, and says what works', async () => {
    const type = 'application/vnd.kubernetes.protobuf';
    const { code, body } = await test.request('POST', configMaps, { body: 'k8s\u0000', type });
    expect({ code, reason: body['reason'] }).toEqual({ code: 415, reason: 'UnsupportedMediaType' });
    expect(body['message']).toContain('kubectl apply --validate=false');
  });

  it('creates, reads, replaces and deletes objects', async () => {
    const created = await test.request('POST', configMaps, { body: { ...configMap('a'), data: { k: '1' } } });
    expect(created.code).toBe(201);
    expect(created.body.metadata).toMatchObject({
      namespace: 'shop',
      uid: expect.any(String) as string,
      creationTimestamp: expect.any(String) as string,
    });
    const changed = await test.request('PUT', `${configMaps}/a`, {
      body: { ...created.body, data: { k: '2' } },
    });
    expect(changed.code).toBe(200);
    expect((await test.request('GET', `${configMaps}/a`)).body.data).toEqual({ k: '2' });
    expect((await test.request('DELETE', `${configMaps}/a`)).code).toBe(200);
    const gone = await test.request('GET', `${configMaps}/a`);
    expect([gone.code, gone.body.message]).toEqual([404, 'configmaps "a" not found']);
  });

  it('refuses to create an object whose name exists', async () => {
    await test.request('POST', configMaps, { body: configMap('a') });
    const again = await test.request('POST', configMaps, { body: configMap('a') });
    expect([again.code, again.body.reason]).toEqual([409, 'AlreadyExists']);
  });

  it('refuses to create an object in a missing namespace', async () => {
    const answer = await test.request('POST', '/api/v1/namespaces/nowhere/configmaps', {
      body: configMap('a'),
    });
    expect([answer.code, answer.body.message]).toEqual([404, 'namespaces "nowhere" not found']);
  });

  it('refuses a replacement of an outdated version', async () => {
    const { body } = await test.request('POST', configMaps, { body: configMap('a') });
    await test.request('PUT', `${configMaps}/a`, { body: { ...body, data: { k: '1' } } });
    const late = await test.request('PUT', `${configMaps}/a`, { body: { ...body, data: { k: '2' } } });
    expect([late.code, late.body.reason]).toEqual([409, 'Conflict']);
  });

  it('keeps the resourceVersion when a write changes nothing', async () => {
    const { body } = await test.apply(`${configMaps}/a`, { ...configMap('a'), data: { k: '1' } });
    const again = await test.apply(`${configMaps}/a`, { ...configMap('a'), data: { k: '1' } });
    expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it('validates a dry run and responds as usual, but stores nothing', async () => {
    const answer = await test.apply(
      `${configMaps}/a`,
      { ...configMap('a'), data: { k: '1' } },
      '&dryRun=All',
    );
    expect([answer.code, answer.body.data]).toEqual([201, { k: '1' }]);
    expect(test.cluster.get('ConfigMap', 'a', 'shop')).toBeUndefined();
    expect((await test.request('POST', `${configMaps}?dryRun=All`, { body: configMap('') })).code).toBe(422);
  });

  it('increases the generation only when the spec changes', async () => {
    const path = '/apis/apps/v1/namespaces/shop/deployments/web';
    const before = (await test.request('GET', path)).body.metadata.generation ?? 0;
    const patch = (body: unknown) =>
      test.request('PATCH', path, { body, type: 'application/merge-patch+json' });
    expect((await patch({ metadata: { labels: { a: 'b' } } })).body.metadata.generation).toBe(before);
    expect((await patch({ spec: { replicas: 2 } })).body.metadata.generation).toBe(before + 1);
  });

  it('writes the status only through its subresource', async () => {
    const path = '/api/v1/nodes/node-1';
    const body = { status: { phase: 'odd' } };
    const patch = { body, type: 'application/merge-patch+json' };
    expect((await test.request('PATCH', path, patch)).body.status).not.toMatchObject(body.status);
    expect((await test.request('PATCH', `${path}/status`, patch)).body.status).toMatchObject(body.status);
  });
});

describe('a list of the API server', () => {
  beforeEach(async () => {
    for (const name of ['a', 'b', 'c']) {
      await test.request('POST', configMaps, { body: configMap(name, { labels: { letter: name } }) });
    }
  });
  const names = (items: { metadata: { name: string } }[]) => items.map(({ metadata }) => metadata.name);

  it('is paged with limit and continue', async () => {
    const first = await test.request('GET', `${configMaps}?limit=2`);
    const token = (first.body.metadata as unknown as { continue: string }).continue;
    const second = await test.request('GET', `${configMaps}?limit=2&continue=${token}`);
    expect([...names(first.body.items), ...names(second.body.items)]).toEqual(
      expect.arrayContaining(['a', 'b', 'c']),
    );
    expect(second.body.metadata).not.toHaveProperty('continue');
  });

  it.each([
    ['letter=a', ['a']],
    ['letter!=a,letter', ['b', 'c']],
    ['letter in (a, c)', ['a', 'c']],
    ['letter notin (a),letter', ['b', 'c']],
  ])('selects objects by label: %s', async (selector, expected) => {
    const answer = await test.request('GET', `${configMaps}?labelSelector=${encodeURIComponent(selector)}`);
    expect(names(answer.body.items)).toEqual(expected);
  });

  it('selects objects of all namespaces by name', async () => {
    const answer = await test.request('GET', '/api/v1/configmaps?fieldSelector=metadata.name%3Db');
    expect(names(answer.body.items)).toEqual(['b']);
  });

  it('refuses a field that is not selectable', async () => {
    expect((await test.request('GET', `${configMaps}?fieldSelector=data.x%3Db`)).code).toBe(400);
  });

  it('returns only metadata for a PartialObjectMetadata request', async () => {
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const { body } = await test.request('GET', configMaps, { accept });
    expect(body.kind).toBe('PartialObjectMetadataList');
    expect(Object.keys(body.items[0] ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  });

  it('omits kind and apiVersion from the items of a built-in kind', async () => {
    const [item] = (await test.request('GET', configMaps)).body.items;
    expect(item).not.toHaveProperty('kind');
  });

  it('can be deleted as a collection with a selector', async () => {
    await test.request('DELETE', `${configMaps}?labelSelector=letter%3Da`);
    expect(test.cluster.get('ConfigMap', 'a', 'shop')).toBeUndefined();
    expect(test.cluster.get('ConfigMap', 'b', 'shop')).toBeDefined();
  });
});
