import type { Cluster } from '../../sandbox/cluster/index.ts';
import type { Cli } from './cli.ts';

/** Every object in the cluster with the name or label of ecr-bootstrap, and those of the operator. */
export function remainingObjects({ world: { cluster } }: Cli): string[] {
  const kinds = [
    ...['Namespace', 'Secret', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
    ...['Deployment', 'Service', 'CustomResourceDefinition', 'ValidatingWebhookConfiguration'],
    ...['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding', 'ExternalSecret', 'Lease'],
    ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'ConfigMap'],
    ...['DaemonSet', 'Pod'],
  ];
  return kinds
    .flatMap((kind) => cluster.list(kind))
    .filter(({ metadata: { name, namespace = '', labels = {} } }) =>
      [name, namespace, ...Object.values(labels)].some((text) =>
        /external-secrets|ecr-bootstrap|^puller$/.test(text),
      ),
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
}

/** The files that ecr-bootstrap wrote on nodes and that are still there, as `NODE:PATH`. */
export const remainingFiles = ({ world: { cluster } }: Cli): string[] =>
  nodesOf(cluster).flatMap((node) =>
    Object.keys(cluster.machine(node).files).map((path) => `${node}:${path}`),
  );

export const nodesOf = (cluster: Cluster): string[] =>
  cluster.list('Node').map(({ metadata }) => metadata.name);

/** What a full `down` deletes in AWS. */
export const remainingInAws = ({ world: { aws } }: Cli) => ({
  users: [...aws.identities.users.keys()].filter((name) => /power-user|image-puller/.test(name)),
  keys: [...aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller').length,
  policies: [...aws.identities.policies.keys()].filter((arn) => arn.includes('ecr-bootstrap')),
  repositories: [...aws.registry.repositories.keys()].filter((name) => name.startsWith('shop/')).length,
  secrets: aws.secrets.all().filter(({ deletion }) => !deletion).length,
});
