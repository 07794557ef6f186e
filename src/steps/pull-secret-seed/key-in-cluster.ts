import type { ClusterPort } from '../../cluster/port.ts';
import { operatorNamespace as namespace } from '../ownership.ts';
import { keySecretName } from './objects.ts';

/** The id of the access key that the operator logs in with. */
export async function keyInCluster(cluster: ClusterPort): Promise<string | undefined> {
  const ref = { apiVersion: 'v1', kind: 'Secret', name: keySecretName, namespace };
  const { data } = ((await cluster.get(ref)) ?? {}) as { data?: Readonly<Record<string, string>> };
  const id = data?.['AWS_ACCESS_KEY_ID'];
  return id === undefined ? undefined : Buffer.from(id, 'base64').toString();
}
