import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';

/** The ID of the access key that the operator logs in with. */
export async function keyInCluster(cluster: ClusterPort): Promise<string | undefined> {
  return keyIdIn(await cluster.get({ apiVersion: 'v1', kind: 'Secret', name: keySecretName, namespace }));
}

/** The ID of the access key in the Secret that the operator logs in with. */
export function keyIdIn(keySecret: KubeObject | undefined): string | undefined {
  const { data } = (keySecret ?? {}) as { data?: Readonly<Record<string, string>> };
  const id = data?.['AWS_ACCESS_KEY_ID'];
  return id === undefined ? undefined : Buffer.from(id, 'base64').toString();
}
