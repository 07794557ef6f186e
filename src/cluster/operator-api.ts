import type { ClusterPort, Kind } from '../clients/kubernetes/port.ts';

/** The kinds of External Secrets Operator that ecr-bootstrap uses, without generators. */
export const operatorKinds = [
  'ExternalSecret',
  'SecretStore',
  'ClusterSecretStore',
  'ClusterExternalSecret',
] as const;

/** External Secrets Operator serves `v1beta1` until 0.16, and `v1` since then. */
export const operatorApis = ['external-secrets.io/v1', 'external-secrets.io/v1beta1'] as const;

/** The newest API version of the operator that the cluster serves; before the operator is installed, `v1beta1`. */
export async function operatorApi(cluster: ClusterPort): Promise<string> {
  const [newest, earlier] = operatorApis;
  return (await cluster.serves({ apiVersion: newest, kind: 'ExternalSecret' })) ? newest : earlier;
}

export const operatorKind = async (
  cluster: ClusterPort,
  kind: (typeof operatorKinds)[number],
): Promise<Kind> => ({
  apiVersion: await operatorApi(cluster),
  kind,
});
