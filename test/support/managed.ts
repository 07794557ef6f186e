import type { Cli } from './cli.ts';

const kinds = [
  ...['Namespace', 'Secret', 'ConfigMap', 'ServiceAccount', 'Service', 'Deployment', 'Lease'],
  ...['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'CustomResourceDefinition'],
  ...['ValidatingWebhookConfiguration', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'],
  ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
  ...['ExternalSecret', 'ClusterExternalSecret', 'SecretStore', 'ClusterSecretStore'],
  ...['ECRAuthorizationToken'],
];

/** Every object in the cluster with the managed-by label of ecr-bootstrap. */
export const managedObjects = ({ world: { cluster } }: Cli): readonly string[] =>
  kinds
    .flatMap((kind) => cluster.list(kind))
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'ecr-bootstrap')
    .map(({ kind, metadata: { name, namespace } }) =>
      [kind, namespace === undefined ? name : `${namespace}/${name}`].join(' '),
    );
