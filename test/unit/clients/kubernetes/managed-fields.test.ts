import { expect, it } from 'vitest';
import { compare, compareAdopted } from '../../../../src/cluster/compare.ts';
import { type ManagedFields, adoptedFields } from '../../../../src/clients/kubernetes/managed-fields.ts';
import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';

const labels = (...names: string[]) => ({
  'f:metadata': { 'f:labels': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) },
});
const entry = (manager: string, fieldsV1: object, more: object = {}): ManagedFields =>
  ({
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...more,
  }) as ManagedFields;

const release = { 'f:meta.helm.sh/release-name': {} };

it('changes no managed fields when nothing was set manually', () => {
  expect(
    adoptedFields(
      [entry('kube-controller-manager', labels('a')), entry('external-secrets', labels('b'))],
      'v1',
    ),
  ).toBeUndefined();
});

it('adopts the fields that kubectl and Helm set, and keeps the applied ones', () => {
  const record = [
    entry('ecr-bootstrap', labels('ours'), { operation: 'Apply' }),
    entry('kubectl-client-side-apply', labels('theirs')),
    entry('kubectl-edit', { 'f:spec': { 'f:replicas': {} } }),
    entry('helm', labels('chart')),
    entry('external-secrets', { 'f:data': {} }),
  ];
  expect(adoptedFields(record, 'apps/v1')).toEqual([
    {
      manager: 'ecr-bootstrap',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { ...labels('ours', 'theirs', 'chart'), 'f:spec': { 'f:replicas': {} } },
    },
    record[4],
  ]);
});

it('leaves the release annotations to Helm, and the status to its controller', () => {
  const status = entry('kubectl', { 'f:status': {} }, { subresource: 'status' });
  const annotations = { 'f:annotations': { ...release, 'f:note': {} } };
  const [ours, ...others] = adoptedFields([status, entry('helm', { 'f:metadata': annotations })], 'v1') ?? [];
  expect(ours?.fieldsV1).toEqual({ 'f:metadata': { 'f:annotations': { 'f:note': {} } } });
  expect(others).toEqual([status, entry('helm', { 'f:metadata': { 'f:annotations': release } })]);
});

it('reports undesired fields that were set manually as differences only for adoption', () => {
  const object = (metadata: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', ...metadata },
  });
  const annotations = { 'meta.helm.sh/release-name': 'web', note: 'mine' };
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { ...release, 'f:note': {} } } };
  const actual = object({ annotations, managedFields: [entry('helm', fieldsV1)] });
  const wanted = object({ annotations: {} });
  expect(compare(wanted, actual)).toEqual([]);
  expect(compareAdopted(wanted, actual)).toEqual([{ path: 'metadata.annotations.note', from: 'mine' }]);
});
