import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../../../support/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

const apiVersion = 'admissionregistration.k8s.io/v1';
const template = {
  apiVersion: 'v1',
  kind: 'PodTemplate',
  metadata: { name: 'one', namespace: 'default' },
  template: { spec: { containers: [{ name: 'c', image: 'a' }] } },
};

it('reads every warning as the policy wrote it, and stores nothing', async () => {
  const message = (text: string) => ({ expression: 'false', message: text });
  cluster.inside.put({
    ...{ apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'p' } },
    spec: {
      paramKind: { apiVersion: 'v1', kind: 'Namespace' },
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], operations: ['CREATE'], resources: ['podtemplates'] }],
      },
      validations: [message('a "quoted\\text", 299 - b'), message('c')],
    },
  });
  const selector = { matchLabels: { 'kubernetes.io/metadata.name': 'default' } };
  cluster.inside.put({
    ...{ apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'b' } },
    spec: { policyName: 'p', validationActions: ['Warn'], paramRef: { selector } },
  });
  const prefix = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': ";
  expect(await cluster.port.creationWarnings(template)).toEqual([
    `${prefix}a "quoted\\text", 299 - b`,
    `${prefix}c`,
  ]);
  expect(cluster.inside.list('PodTemplate')).toEqual([]);
});
