import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Patch } from './patch.ts';

const name = 'external-secrets-authorities';
const folder = '/etc/ecr-bootstrap/authorities';
const pod = 'spec.template.spec';

/**
 * Mounts the authorities of {@link authorityMap} into the controller, the only part that talks to AWS. Go reads the
 * image's own bundle from its usual file and, besides, every file in SSL_CERT_DIR.
 */
export const authorityPatches: readonly Patch[] = [
  inController(`${pod}.volumes`, { name, configMap: { name } }),
  inController(`${pod}.containers.*.volumeMounts`, { name, mountPath: folder, readOnly: true }),
  inController(`${pod}.containers.*.env`, { name: 'SSL_CERT_DIR', value: folder }),
];

/** The ConfigMap that holds the authorities. */
export function authorityMap(
  pem: string,
  metadata: { namespace: string; labels: Readonly<Record<string, string>> },
): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data: { 'ca.crt': pem } };
}

function inController(path: string, item: object): Patch {
  return {
    what: 'authorities',
    objects: 'Deployment external-secrets',
    path,
    times: 1,
    set: (value) => [...((value as readonly object[] | undefined) ?? []), item],
  };
}
