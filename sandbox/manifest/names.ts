/** Names and labels of the objects in the operator manifest. */

export type Fields = Record<string, unknown>;

export const release = 'external-secrets';
const version = 'v0.12.1';
/** The image on the retired host that the official manifest still names. */
export const image = `oci.external-secrets.io/external-secrets/external-secrets:${version}`;
/** The namespace that `helm template` renders into. The manifest has no Namespace object. */
export const namespace = 'default';
export const webhookName = `${release}-webhook`;
export const certControllerName = `${release}-cert-controller`;

/** The cert-controller, with its partial cache, observes only CRDs and webhook configurations with this label. */
export const component = (name: 'controller' | 'webhook') => ({ 'external-secrets.io/component': name });

export const selector = (name: string) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/instance': release,
});

/** The labels of the chart for the objects of one of its three programs. */
export const labels = (name: string) => ({
  'helm.sh/chart': `external-secrets-${version.slice(1)}`,
  ...selector(name),
  'app.kubernetes.io/version': version,
  'app.kubernetes.io/managed-by': 'Helm',
});

/** An object of the manifest. */
export function object(
  apiVersion: string,
  kind: string,
  name: string,
  program: string,
  rest: Fields,
  scope: 'namespaced' | 'cluster' = 'namespaced',
): Fields {
  const namespaceFields = scope === 'cluster' ? {} : { namespace };
  return { apiVersion, kind, metadata: { name, ...namespaceFields, labels: labels(program) }, ...rest };
}
