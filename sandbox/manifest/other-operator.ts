import { definitions } from './definitions.ts';
import { type Fields, image, namespace } from './names.ts';
import { roles } from './rbac.ts';
import { workloads } from './workloads.ts';

/** The versions of the two operators. */
const [ours, theirs] = ['0.12.1', '0.20.4'];
const home = 'external-secrets';

export const otherOperatorImage = image.replace(ours, theirs);

/**
 * What `helm install --namespace external-secrets` of External Secrets Operator v0.20.4 creates. It serves v1 and no
 * longer v1beta1, without a webhook for conversions. Sources: deploy/crds/bundle.yaml and deploy/charts of its release.
 */
export function otherOperator(): Fields[] {
  const objects = [...definitions(() => ['v1beta1', 'v1']).map(servingV1Only), ...workloads(), ...roles()];
  const text = JSON.stringify(objects)
    .replaceAll(`"namespace":"${namespace}"`, `"namespace":"${home}"`)
    .replaceAll(`-namespace=${namespace}`, `-namespace=${home}`)
    .replaceAll(`.${namespace}.svc`, `.${home}.svc`)
    .replaceAll('"apiVersions":["v1beta1"]', '"apiVersions":["v1"]')
    .replaceAll('external-secrets-io-v1beta1', 'external-secrets-io-v1')
    .replaceAll(ours, theirs);
  const namespaceObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home } };
  return [namespaceObject, ...(JSON.parse(text) as Fields[])];
}

function servingV1Only(definition: Fields): Fields {
  const { conversion: _, ...spec } = definition['spec'] as { versions: Fields[]; conversion: unknown };
  const versions = spec.versions.map((version) =>
    version['name'] === 'v1beta1' ? { ...version, served: false } : version,
  );
  return { ...definition, spec: { ...spec, versions } };
}
