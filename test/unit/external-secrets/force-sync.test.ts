import { afterEach, beforeEach, expect, it } from 'vitest';
import { forceSync } from '../../../src/external-secrets/force-sync.ts';
import { annotations } from '../../../src/core/ownership.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => void (cluster = await startTestCluster()));
afterEach(() => cluster.close());

const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'default' };
const stored = () => cluster.inside.get('ConfigMap', 'settings', 'default');

it('keeps annotations that another client adds to an object that had none', async () => {
  const { apiVersion, kind, name, namespace } = ref;
  cluster.inside.put({ apiVersion, kind, metadata: { name, namespace } });
  const seen = await cluster.port.get(ref);
  if (!seen) throw new Error('the object is absent');
  await cluster.port.patch(ref, [{ op: 'add', path: '/metadata/annotations', value: { theirs: 'kept' } }]);
  await forceSync(cluster.port, seen, '/metadata');
  expect(stored()?.metadata.annotations).toMatchObject({
    theirs: 'kept',
    [annotations.forceSync]: expect.any(String) as string,
  });
});
