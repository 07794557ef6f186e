import type { KubeObject } from '../cluster/objects.ts';
import type { LabelSelector } from '../cluster/selectors.ts';
import type { Condition } from '../cluster/store.ts';

/** The fields of objects of External Secrets Operator 0.12.1 that the sandbox uses. */

export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

interface SecretKeyRef {
  name: string;
  key: string;
}

export interface AwsAuth {
  secretRef?: { accessKeyIDSecretRef?: SecretKeyRef; secretAccessKeySecretRef?: SecretKeyRef };
}

/** SecretStore and ClusterSecretStore. */
export interface Store extends KubeObject {
  spec: {
    provider: {
      aws?: { service: string; region: string; auth?: AwsAuth };
      kubernetes?: {
        remoteNamespace?: string;
        server?: { caProvider?: { namespace?: string }; caBundle?: string };
        auth?: { serviceAccount?: { name: string; namespace?: string } };
      };
    };
  };
  status?: { conditions?: Condition[]; capabilities?: string };
}

export interface EcrAuthorizationToken extends KubeObject {
  spec: { region: string; auth?: AwsAuth };
}

interface StoreRef {
  name: string;
  kind?: string;
}

interface RemoteRef {
  key: string;
  property?: string;
}

export interface ExternalSecretSpec {
  refreshInterval?: string;
  secretStoreRef?: StoreRef;
  target?: {
    name?: string;
    creationPolicy?: 'Owner' | 'Orphan' | 'Merge' | 'None';
    deletionPolicy?: 'Retain' | 'Delete' | 'Merge';
    template?: {
      type?: string;
      mergePolicy?: 'Replace' | 'Merge';
      data?: Record<string, string>;
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    };
  };
  data?: { secretKey: string; remoteRef: RemoteRef }[];
  dataFrom?: {
    extract?: RemoteRef;
    find?: unknown;
    sourceRef?: { generatorRef?: { apiVersion?: string; kind: string; name: string } };
  }[];
}

export interface ExternalSecret extends KubeObject {
  spec: ExternalSecretSpec;
  status?: {
    conditions?: Condition[];
    refreshTime?: string;
    syncedResourceVersion?: string;
    binding?: { name: string };
  };
}

export interface ClusterExternalSecret extends KubeObject {
  spec: {
    externalSecretName?: string;
    externalSecretMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    externalSecretSpec: ExternalSecretSpec;
    namespaceSelector?: LabelSelector;
    namespaceSelectors?: LabelSelector[];
    namespaces?: string[];
    /** The interval between reconciliations, as a Go duration. */
    refreshTime?: string;
  };
  status?: {
    conditions?: Condition[];
    externalSecretName?: string;
    provisionedNamespaces?: string[];
    failedNamespaces?: { namespace: string; reason: string }[];
  };
}

/** The milliseconds of a Go duration, for example `1h30m` or `45s`. */
export function milliseconds(duration: string): number {
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = duration.matchAll(/([\d.]+)(ms|h|m|s)/g);
  return [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0);
}
