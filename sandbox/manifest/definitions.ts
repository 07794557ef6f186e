import { component, type Fields, namespace, webhookName } from './names.ts';

/** `kind shortName`; the short name is optional. */
const stores = ['ClusterExternalSecret ces', 'ClusterSecretStore css', 'ExternalSecret es', 'SecretStore ss'];
const generators = [
  'ACRAccessToken',
  'ClusterGenerator',
  'ECRAuthorizationToken',
  'Fake',
  'GCRAccessToken',
  'GithubAccessToken',
  'Password',
  'STSSessionToken',
  'UUID',
  'VaultDynamicSecret',
  'Webhook',
];

/** Kinds that also serve v1alpha1, which is deprecated. ClusterExternalSecret never had it. */
const withAlpha = ['ClusterSecretStore', 'ExternalSecret', 'SecretStore'];

/**
 * The 16 CRDs, with the real names, scopes, versions and conversion webhook. Their schemas are open: only the real CRDs
 * define the fields.
 * @param versionsOf the versions of stores and ExternalSecrets, by default those of v0.12.1
 */
export function definitions(
  versionsOf = (kind: string) => (withAlpha.includes(kind) ? ['v1alpha1', 'v1beta1'] : ['v1beta1']),
): Fields[] {
  return [
    ...stores.map((line) => {
      const [kind = '', shortName] = line.split(' ');
      return definition('external-secrets.io', kind, versionsOf(kind), shortName);
    }),
    definition('external-secrets.io', 'PushSecret', ['v1alpha1']),
    ...generators.map((kind) => definition('generators.external-secrets.io', kind, ['v1alpha1'])),
  ];
}

/** @param versions the served versions; the last one is stored, the others are deprecated */
function definition(group: string, kind: string, versions: string[], shortName?: string): Fields {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  const categories = [
    'external-secrets',
    ...(group.startsWith('generators') ? ['external-secrets-generators'] : []),
  ];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: component('controller'),
      annotations: { 'controller-gen.kubebuilder.io/version': 'v0.16.5' },
    },
    spec: {
      group,
      scope: kind.startsWith('Cluster') ? 'Cluster' : 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        categories,
        ...(shortName !== undefined && { shortNames: [shortName] }),
      },
      versions: versions.map((name) => {
        const storage = name === versions.at(-1);
        const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
        return {
          name,
          served: true,
          storage,
          ...(!storage && { deprecated: true }),
          schema,
          subresources: { status: {} },
        };
      }),
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: { service: { name: webhookName, namespace, path: '/convert' } },
        },
      },
    },
  };
}
