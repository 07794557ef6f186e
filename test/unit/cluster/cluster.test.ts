import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClusterRefusal } from '../../../src/clients/kubernetes/errors.ts';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import type { FaultKind } from '../../../sandbox/faults.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
let undoFaults: (() => void)[] = [];

beforeAll(async () => {
  cluster = await startTestCluster({}, { fast: true });
});

afterEach(() => {
  for (const undo of undoFaults) undo();
  undoFaults = [];
});

afterAll(() => cluster.close());

function injectFault(kind: FaultKind, operation: string, to = 1): void {
  undoFaults.push(cluster.sandbox.faults.plan({ kind, service: 'kubernetes', operation, to }));
}

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop' },
  data,
});

const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'shop' });

describe('reads', () => {
  it('return context, server and version', async () => {
    expect(await cluster.port.info()).toEqual({
      context: 'kubernetes-admin@sandbox',
      server: cluster.url,
      version: 'v1.36.3',
    });
  });

  it('return nothing for missing objects, namespaces and kinds', async () => {
    const { port } = cluster;
    expect(await port.get(refOf('absent'))).toBeUndefined();
    expect(await port.get({ ...refOf('absent'), namespace: 'nowhere' })).toBeUndefined();
    expect(await port.get({ apiVersion: 'example.org/v1', kind: 'Thing', name: 'x' })).toBeUndefined();
    expect(await port.list({ apiVersion: 'example.org/v1', kind: 'Thing' })).toEqual([]);
  });

  it('return all pages of a list, with kind and version on each item', async () => {
    for (let index = 0; index < 1100; index += 1)
      cluster.inside.put({ kind: 'ConfigMap', metadata: { name: `page-${index}`, namespace: 'shop' } });
    const before = cluster.sandbox.faults.calls.length;
    const list = await cluster.port.list({ apiVersion: 'v1', kind: 'ConfigMap' }, { metadataOnly: true });
    expect(list.filter(({ metadata }) => metadata.name.startsWith('page-'))).toHaveLength(1100);
    expect(list.every(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1')).toBe(true);
    const lists = cluster.sandbox.faults.calls
      .slice(before)
      .filter(({ operation }) => operation.startsWith('list'));
    expect(lists).toHaveLength(3);
  });

  it.each<FaultKind>(['throttle', 'error', 'reset', 'lost'])(
    'are retried after the fault %s',
    async (kind) => {
      injectFault(kind, 'list namespaces');
      expect(await cluster.port.list({ apiVersion: 'v1', kind: 'Namespace' })).not.toEqual([]);
    },
  );
});

describe('writes', () => {
  it('apply an object, and do not store it in a dry run', async () => {
    const { port } = cluster;
    await port.apply(configMap('dry', { a: '1' }), { dryRun: true });
    expect(await port.get(refOf('dry'))).toBeUndefined();
    await port.apply(configMap('wet', { a: '1' }));
    expect(await port.get(refOf('wet'))).toMatchObject({ data: { a: '1' } });
  });

  it('are not retried when a second write could do harm', async () => {
    injectFault('error', 'create configmaps');
    await expect(cluster.port.create(configMap('once'))).rejects.toMatchObject({ code: 'cluster-failed' });
    expect(await cluster.port.get(refOf('once'))).toBeUndefined();
  });

  it('are retried when the server throttled the request', async () => {
    injectFault('throttle', 'create configmaps');
    await cluster.port.create(configMap('throttled'));
    expect(await cluster.port.get(refOf('throttled'))).toBeDefined();
  });

  it('distinguish a conflict from other refusals', async () => {
    const { port } = cluster;
    await port.create(configMap('taken'));
    const again = await port.create(configMap('taken')).catch((error: unknown) => error);
    const outdated = { op: 'test', path: '/metadata/resourceVersion', value: '1' } as const;
    const patched = await port.patch(refOf('taken'), [outdated]).catch((error: unknown) => error);
    const refusals = [again, patched].map((error) => error instanceof ClusterRefusal && error.refusal);
    expect(refusals).toEqual(['conflict', 'conflict']);
  });

  it('delete only the object with the given UID, and accept that it does not exist', async () => {
    const { port } = cluster;
    await port.create(configMap('kept'));
    await expect(port.delete(refOf('kept'), { uid: 'another' })).rejects.toBeInstanceOf(ClusterRefusal);
    await port.delete(refOf('kept'));
    await port.delete(refOf('kept'));
    expect(await port.get(refOf('kept'))).toBeUndefined();
  });
});

describe('errors', () => {
  it('name the verb and resource of a forbidden request', async () => {
    const withoutRights = await cluster.as('without-rights');
    await expect(withoutRights.list({ apiVersion: 'v1', kind: 'Secret' })).rejects.toMatchObject({
      code: 'cluster-denied',
      what: 'could not list secrets',
      why: expect.stringContaining('cannot list resource "secrets"') as string,
    });
    expect(await withoutRights.allowed({ verb: 'list', group: '', resource: 'secrets' })).toBe(false);
    expect(await cluster.port.allowed({ verb: 'list', group: '', resource: 'secrets' })).toBe(true);
    expect(await withoutRights.rules('shop')).toEqual([]);
    expect(await cluster.port.rules('shop')).toContainEqual({
      verbs: ['*'],
      apiGroups: ['*'],
      resources: ['*'],
    });
  });

  it('name the quota, not missing rights, when a quota rejects an object', async () => {
    cluster.inside.put({ kind: 'Namespace', metadata: { name: 'full' } });
    cluster.inside.put({
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace: 'full' },
      spec: { hard: { 'count/configmaps': '0' } },
    });
    await cluster.inside.settled();
    const one = configMap('one');
    const created = cluster.port.create({ ...one, metadata: { ...one.metadata, namespace: 'full' } });
    await expect(created).rejects.toMatchObject({
      code: 'cluster-failed',
      why: expect.stringContaining('exceeded quota: few') as string,
      hint: expect.stringContaining('kubectl get resourcequotas') as string,
    });
  });

  it('say that the server rejected the credentials of the context', async () => {
    const former = await cluster.as('former');
    cluster.inside.revokeTokens('former');
    await expect(former.info()).rejects.toMatchObject({
      code: 'cluster-unreachable',
      why: expect.stringContaining('rejected the credentials of context former@sandbox') as string,
    });
  });
});

describe('adopting', () => {
  const helm = { manager: 'helm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' };

  it.each(['lost', 'reset', 'error'] as const)(
    'succeeds when the response to its patch fails once with the fault %s',
    async (kind) => {
      const name = `adopted-${kind}`;
      const managedFields = [{ ...helm, fieldsV1: { 'f:data': { 'f:old': {} } } }];
      cluster.inside.put({
        kind: 'ConfigMap',
        metadata: { name, namespace: 'shop', ...{ managedFields } },
        data: { old: 'x' },
      });
      injectFault(kind, 'patch configmaps');
      const adopted = await cluster.port.adopt(configMap(name, { wanted: 'y' }));
      expect(adopted['data']).toMatchObject({ wanted: 'y' });
      expect(adopted.metadata).not.toMatchObject({ managedFields });
    },
  );
});
