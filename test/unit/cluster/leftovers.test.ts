import { expect, it } from 'vitest';
import { compare } from '../../../src/cluster/compare.ts';
import type { KubeObject, ObjectMeta } from '../../../src/clients/kubernetes/port.ts';
import { Secret } from '../../../src/core/secret.ts';

const template = (env: readonly object[], rest: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { containers: [{ name: 'web', env, ports: [{ containerPort: 80 }] }], ...rest },
});

const entry = (...names: string[]): object =>
  Object.fromEntries([['.', {}], ...names.map((name) => [`f:${name}`, {}] as const)]);

/** As a Kubernetes 1.36 API server records an apply of two variables and a node selector. */
const fieldsV1 = {
  'f:spec': {
    'f:nodeSelector': {},
    'f:containers': {
      'k:{"name":"web"}': {
        '.': {},
        'f:name': {},
        'f:env': { 'k:{"name":"A"}': entry('name', 'value'), 'k:{"name":"B"}': entry('name', 'value') },
        'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': entry('containerPort') },
      },
    },
  },
};

const [a, b] = [
  { name: 'A', value: '1' },
  { name: 'B', value: '2' },
];

function stored(manager: string, operation: string): KubeObject {
  const object = template([a, b], { nodeSelector: { disk: 'ssd' } });
  const metadata = { ...object.metadata, managedFields: [{ manager, operation, fieldsV1 }] } as ObjectMeta;
  return { ...object, metadata };
}

it('finds fields that were applied earlier and are no longer desired', () => {
  expect(compare(template([a]), stored('ecr-bootstrap', 'Apply'))).toEqual([
    { path: 'spec.nodeSelector', from: { disk: 'ssd' } },
    { path: 'spec.containers[name=web].env[name=B]', from: b },
  ]);
});

it('finds a key that was removed from a Secret, and hides its value', () => {
  const secret = (data: Record<string, string>, metadata: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'key', ...metadata },
    data,
  });
  const record = {
    manager: 'ecr-bootstrap',
    operation: 'Apply',
    fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } },
  };
  const fields = compare(
    secret({ a: 'YQ==' }),
    secret({ a: 'YQ==', b: 'Yg==' }, { managedFields: [record] }),
  );
  expect(fields).toEqual([{ path: 'data.b', from: expect.any(Secret) as Secret }]);
});

it('finds nothing while all applied fields are desired', () => {
  const wanted = template([a, b], { nodeSelector: { disk: 'ssd' } });
  expect(compare(wanted, stored('ecr-bootstrap', 'Apply'))).toEqual([]);
});

it.each([
  ['another manager', 'kubectl', 'Apply'],
  ['a patch of ecr-bootstrap, which an apply does not undo', 'ecr-bootstrap', 'Update'],
])('ignores fields that were set by %s', (_, manager, operation) => {
  expect(compare(template([a]), stored(manager, operation))).toEqual([]);
});
