import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Patch } from './patch.ts';

export const authoritiesName = 'external-secrets-authorities';
const folder = '/etc/ecr-bootstrap/authorities';
const pod = 'spec.template.spec';

/**
 * Mounts the certificate authorities of {@link authorityMap} into the controller, the only component that calls AWS. Go
 * reads the bundle of the image, and also every file in SSL_CERT_DIR.
 */
export const authorityPatches: readonly Patch[] = [
  inController(`${pod}.volumes`, { name: authoritiesName, configMap: { name: authoritiesName } }),
  inController(`${pod}.containers.*.volumeMounts`, {
    name: authoritiesName,
    mountPath: folder,
    readOnly: true,
  }),
  inController(`${pod}.containers.*.env`, { name: 'SSL_CERT_DIR', value: folder }),
];

/** The ConfigMap with the certificate authorities. */
export function authorityMap(
  pem: string,
  metadata: { namespace: string; labels: Readonly<Record<string, string>> },
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: authoritiesName, ...metadata },
    data: { 'ca.crt': pem },
  };
}

function inController(path: string, item: object): Patch {
  return {
    what: 'certificate authorities',
    objects: 'Deployment external-secrets',
    path,
    times: 1,
    set: (value) => [...((value as readonly object[] | undefined) ?? []), item],
  };
}
