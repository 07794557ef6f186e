import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeObjects,
  withManagedLabel,
  removeObjects,
} from '../../../src/cluster/objects.ts';
import type { Context } from '../../../src/steps/context.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { runOf } from '../../contract/step-contract.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
});

afterEach(() => cluster.close());

const secret = (type = 'Opaque', data: Record<string, string> = {}): KubeObject =>
  withManagedLabel({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'one', namespace: 'shop' },
    type,
    data,
  });

const target = { kind: 'Secret', name: 'shop/one' };
const observe = (...wanted: KubeObject[]): Promise<ObjectsState> => observeObjects(cluster.port, wanted);

function run() {
  return runOf({ cluster: cluster.port, clock: systemClock } as Context);
}

async function apply(wanted: KubeObject): Promise<void> {
  const state = await observe(wanted);
  const outcomes = await applyObjects(diffObjects(state).changes, run());
  expect(outcomes.map(({ result }) => result)).not.toContain('failed');
}

describe('diffObjects', () => {
  it('creates a missing object, even if its namespace or kind does not exist', async () => {
    const elsewhere = withManagedLabel({ ...secret(), metadata: { name: 'one', namespace: 'nowhere' } });
    const unserved = withManagedLabel({
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: 'x' },
    });
    const { changes } = diffObjects(await observe(elsewhere, unserved));
    expect(changes.map(({ action }) => action)).toEqual(['create', 'create']);
  });

  it('updates an object that differs', async () => {
    await apply(secret('Opaque', { a: 'MQ==' }));
    const { changes } = diffObjects(await observe(secret('Opaque', { a: 'Mg==' })));
    expect(changes).toMatchObject([{ action: 'update', target, fields: [{ path: 'data.a' }] }]);
  });

  it.each([
    ['Secret', { type: 'Opaque' }, 'type'],
    ['RoleBinding', { roleRef: { name: 'a' } }, 'roleRef.name'],
    ['ClusterRoleBinding', { roleRef: { name: 'a' } }, 'roleRef.name'],
    ['Deployment', { spec: { selector: { matchLabels: { app: 'a' } } } }, 'spec.selector.matchLabels.app'],
    ['DaemonSet', { spec: { selector: { matchLabels: { app: 'a' } } } }, 'spec.selector.matchLabels.app'],
  ])('replaces a %s that differs in an immutable field', (kind, fields, path) => {
    const desired = withManagedLabel({ apiVersion: 'v1', kind, metadata: { name: 'one' }, ...fields });
    const actual = JSON.parse(JSON.stringify(desired).replace(/"(a|Opaque)"/, '"other"')) as KubeObject;
    const { changes } = diffObjects({ wanted: [{ desired, actual }], unwanted: [] });
    expect(changes).toMatchObject([
      { action: 'replace', fields: [{ path }], payload: { deletes: actual, applies: desired } },
    ]);
  });

  it('changes an unmanaged object only by adopting it, and shows fields that differ besides the label', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    cluster.inside.put({
      kind: 'Secret',
      metadata: { name: 'one', namespace: 'shop', labels },
      type: 'Opaque',
    });
    const { changes } = diffObjects(await observe(secret('Opaque', { a: 'MQ==' })));
    expect(changes).toMatchObject([
      { action: 'update', target, fields: [{ path: 'data' }], adopts: { owner: 'Helm' } },
    ]);
  });

  it('marks changes of roles and bindings as grants', async () => {
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const role = withManagedLabel({
      apiVersion,
      kind: 'Role',
      metadata: { name: 'r', namespace: 'shop' },
      rules: [],
    });
    expect(diffObjects(await observe(role)).changes).toMatchObject([{ grants: true }]);
  });

  it('deletes objects of earlier configurations only if they are managed', async () => {
    await apply(secret());
    cluster.inside.put({ kind: 'Secret', metadata: { name: 'theirs', namespace: 'shop' } });
    const refs = ['one', 'theirs'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      name,
      namespace: 'shop',
    }));
    const state = await observeObjects(cluster.port, [], refs);
    const deletes = await cluster.port.get({
      apiVersion: 'v1',
      kind: 'Secret',
      name: 'one',
      namespace: 'shop',
    });
    expect(diffObjects(state).changes).toEqual([
      { action: 'delete', target, fields: [], payload: { deletes } },
    ]);
  });
});

describe('applyObjects', () => {
  it('replaces an object with a new one', async () => {
    await apply(secret());
    const before = cluster.inside.get('Secret', 'one', 'shop')?.metadata.uid;
    await apply(secret('example.org/other'));
    const after = cluster.inside.get('Secret', 'one', 'shop');
    expect(after).toMatchObject({ type: 'example.org/other' });
    expect(after?.metadata.uid).not.toBe(before);
  });

  it('does not delete an object that was recreated since the plan', async () => {
    await apply(secret());
    const state = await observe(secret());
    await cluster.port.delete({ apiVersion: 'v1', kind: 'Secret', name: 'one', namespace: 'shop' });
    await cluster.port.apply(secret());
    const outcomes = await applyObjects(removeObjects(state).changes, run());
    expect(outcomes).toMatchObject([{ result: 'failed', error: { refusal: 'conflict' } }]);
    expect(cluster.inside.get('Secret', 'one', 'shop')).toBeDefined();
  });

  it('deletes exactly the managed objects of the step, and plans nothing afterwards', async () => {
    const named = (name: string): KubeObject => ({ ...secret(), metadata: { ...secret().metadata, name } });
    const ofStep = ['one', 'two', 'unmanaged'].map(named);
    await apply(named('one'));
    await apply(named('two'));
    await apply(named('of-another-step'));
    cluster.inside.put({ kind: 'Secret', metadata: { name: 'unmanaged', namespace: 'shop' } });
    const outcomes = await applyObjects(removeObjects(await observe(...ofStep)).changes, run());
    expect(outcomes.map(({ change, result }) => `${change.target.name} ${result}`)).toEqual([
      'shop/two done',
      'shop/one done',
    ]);
    const left = await cluster.port.list({ apiVersion: 'v1', kind: 'Secret' }, { namespace: 'shop' });
    expect(left.map(({ metadata }) => metadata.name).sort()).toEqual(['of-another-step', 'unmanaged']);
    expect(removeObjects(await observe(...ofStep))).toEqual({ changes: [], findings: [] });
  });
});
