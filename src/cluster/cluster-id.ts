import type { ClusterPort } from '../clients/kubernetes/port.ts';

/** What a cluster is known by: the uid of kube-system, which lives as long as the cluster. */
export async function clusterId(cluster: ClusterPort): Promise<string> {
  const namespace = await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' });
  if (namespace?.metadata.uid === undefined) throw new Error('every cluster has a namespace kube-system');
  return namespace.metadata.uid;
}
