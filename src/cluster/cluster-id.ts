import type { ClusterPort } from '../clients/kubernetes/port.ts';

/** The ID of a cluster: the UID of the namespace kube-system, which exists as long as the cluster. */
export async function clusterId(cluster: ClusterPort): Promise<string> {
  const namespace = await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' });
  if (namespace?.metadata.uid === undefined) throw new Error('the cluster has no namespace kube-system');
  return namespace.metadata.uid;
}
