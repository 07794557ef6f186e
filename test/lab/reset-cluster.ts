import { waitFor } from '../scenarios/wait.ts';
import type { ClusterClient, KubeObject } from '../scenarios/world.ts';
import { kubectlClient } from './kubectl.ts';
import type { Kubectl } from './kubectl.ts';

interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

const operatorNamespace = 'external-secrets';

/** Removes everything that `up` creates in a cluster, except the operator with its CRDs and permissions. */
export async function removeAllButOperator(kubectl: Kubectl): Promise<void> {
  const cluster = kubectlClient(kubectl);
  const remove = (kinds: string, ...args: readonly string[]) =>
    kubectl(['delete', kinds, '--ignore-not-found', ...args]);
  const policies = ['mutating', 'validating'].flatMap((kind) => [
    `${kind}admissionpolicybindings`,
    `${kind}admissionpolicies`,
  ]);
  const managed = '--selector=app.kubernetes.io/managed-by=ecr-bootstrap';
  await remove(policies.join(','), managed);
  await remove('configmaps', managed, `--namespace=${operatorNamespace}`);
  await remove('clusterexternalsecrets,clustersecretstores', '--all');
  await remove(
    'externalsecrets,secretstores,ecrauthorizationtokens',
    '--all',
    `--namespace=${operatorNamespace}`,
  );
  await waitFor('the end of all ExternalSecrets', async () =>
    (await cluster.list('externalsecrets')).length === 0 ? true : undefined,
  );
  for (const name of ['puller', 'image-puller']) {
    await remove('secrets', '--all-namespaces', `--field-selector=metadata.name=${name}`);
  }
  await remove('leases', '--namespace=kube-system', '--field-selector=metadata.name=ecr-bootstrap');
  await waitFor('service accounts without a pull secret', () => removePullSecrets(cluster));
}

/**
 * An API server keeps applying a deleted admission policy for a short time, and restores every service account
 * until then.
 */
async function removePullSecrets(cluster: ClusterClient): Promise<true | undefined> {
  const accounts = await cluster.list<ServiceAccount>('serviceaccounts');
  const covered = accounts.filter(
    ({ metadata, imagePullSecrets = [] }) =>
      metadata.namespace !== operatorNamespace && imagePullSecrets.length > 0,
  );
  if (covered.length === 0) return true;
  await cluster.replace({
    apiVersion: 'v1',
    kind: 'List',
    items: covered.map((account) => ({ ...account, imagePullSecrets: undefined })),
  });
  return undefined;
}
