import { expect, it } from 'vitest';
import type { ClusterPort, Kind } from '../../../src/clients/kubernetes/port.ts';
import { operatorApi, operatorKind } from '../../../src/cluster/operator-api.ts';

const serving = (...versions: readonly string[]): ClusterPort =>
  ({
    serves: ({ apiVersion }: Kind) => Promise.resolve(versions.some((one) => apiVersion.endsWith(`/${one}`))),
  }) as unknown as ClusterPort;

it.each([
  [['v1'], 'v1'],
  [['v1beta1', 'v1'], 'v1'],
  [['v1beta1'], 'v1beta1'],
  [['v1alpha1', 'v1beta1'], 'v1beta1'],
  [[], 'v1beta1'],
])('a cluster that serves %j uses the operator in %s', async (versions, expected) => {
  const apiVersion = `external-secrets.io/${expected}`;
  expect(await operatorApi(serving(...versions))).toBe(apiVersion);
  const kind = await operatorKind(serving(...versions), 'SecretStore');
  expect(kind).toEqual({ apiVersion, kind: 'SecretStore' });
});
