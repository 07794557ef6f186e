import type { KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { nodeAccessName, nodeNamespace, probeHost } from '../core/ownership.ts';

/** The ExternalSecret with one file per registry that nodes pull from ECR. Its keys are the registries. */
export const filesRef: ObjectRef = {
  apiVersion: 'external-secrets.io/v1beta1',
  kind: 'ExternalSecret',
  name: nodeAccessName,
  namespace: nodeNamespace,
};

/** The key with the expiry of the token in the files, in Unix seconds. All other keys are hosts. */
export const expiryKey = 'expires_at';

/** The registries that nodes pull from ECR, without the probe's host. */
export function mirroredHosts(files: KubeObject | undefined): readonly string[] {
  const { target } = (files?.['spec'] ?? {}) as {
    target?: { template?: { data?: Readonly<Record<string, string>> } };
  };
  const keys = Object.keys(target?.template?.data ?? {});
  return keys.filter((key) => key !== expiryKey && key !== probeHost);
}
