import {
  annotations,
  keySecretName,
  managedBy,
  operatorNamespace as namespace,
} from '../../core/ownership.ts';
import type { KeyPair, RegistryToken } from '../../clients/aws/port.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import type { RegistryLogin } from '../../clients/registry/token-check.ts';
import { Secret } from '../../core/secret.ts';
import { isManaged } from '../../cluster/objects.ts';

export const pullSecretType = 'kubernetes.io/dockerconfigjson';

/** For what a cluster is set up. */
interface Setup {
  readonly project: string;
  readonly registryHost: string;
}

/** The operator's namespace, which also tells for what the cluster was set up. */
export function namespaceObject({ project, registryHost }: Setup, seen: KubeObject | undefined): KubeObject {
  // A namespace that somebody else made is used, and not marked as ours to delete.
  const labels = seen === undefined || isManaged(seen) ? { labels: managedBy } : {};
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace,
      ...labels,
      annotations: { [annotations.project]: project, [annotations.registryHost]: registryHost },
    },
  };
}

export function keySecret(pair: KeyPair, region: string): KubeObject {
  return {
    ...secret(keySecretName, 'Opaque'),
    data: encoded({
      AWS_ACCESS_KEY_ID: pair.accessKeyId,
      AWS_SECRET_ACCESS_KEY: pair.secretAccessKey.reveal(),
      REGION: region,
    }),
  };
}

/** The ID of the access key that the operator logs in with. */
export async function keyInCluster(cluster: ClusterPort): Promise<string | undefined> {
  return keyIdIn(await cluster.get({ apiVersion: 'v1', kind: 'Secret', name: keySecretName, namespace }));
}

/** The ID of the access key in the Secret that the operator logs in with. */
export function keyIdIn(keySecret: KubeObject | undefined): string | undefined {
  const { data } = (keySecret ?? {}) as { data?: Readonly<Record<string, string>> };
  const id = data?.['AWS_ACCESS_KEY_ID'];
  return id === undefined ? undefined : Buffer.from(id, 'base64').toString();
}

/** The pull secret as the operator's template makes it too. */
export function pullSecret(name: string, token: RegistryToken): KubeObject {
  const { username, password, host, expiresAt } = token;
  const auth = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
  const seconds = String(Math.floor(expiresAt / 1000));
  const object = secret(name, pullSecretType);
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { [annotations.expiresAt]: seconds } },
    data: encoded({
      '.dockerconfigjson': JSON.stringify({
        auths: { [host]: { username, password: password.reveal(), auth } },
      }),
      expires_at: seconds,
    }),
  };
}

/** `data` and not `stringData`: the server records as ours what was applied, and only `data` is what it keeps. */
const encoded = (values: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );

/** A Secret without data: enough to name it. */
export const secret = (name: string, type: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, labels: managedBy },
  type,
});

/** The login for `host` in a pull secret, if there is one. */
export function loginIn(pullSecret: KubeObject, host: string): RegistryLogin | undefined {
  const { data } = pullSecret as { data?: Readonly<Record<string, string>> };
  const config = Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  const entry = entryFor(config, host);
  const text = (field: string): string | undefined => {
    const value = entry?.[field];
    return typeof value === 'string' ? value : undefined;
  };
  const [username = '', ...rest] = Buffer.from(text('auth') ?? '', 'base64')
    .toString()
    .split(':');
  const password = text('password') ?? rest.join(':');
  if (password === '') return undefined;
  return { username: text('username') ?? username, password: new Secret(password) };
}

/** Users can write anything into the Secret. */
function entryFor(config: string, host: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { auths } = JSON.parse(config) as { auths?: Readonly<Record<string, Record<string, unknown>>> };
    return auths?.[host];
  } catch {
    // Whatever is not a docker config holds no login.
    return undefined;
  }
}

/** Kept by the operator: it has taken the Secret over, and owner references would tell of somebody else's. */
const isRenewed = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.['reconcile.external-secrets.io/managed'] === 'true' &&
  (metadata.ownerReferences ?? []).length === 0;

export const isManagedSecret = (object: KubeObject): boolean => isManaged(object) || isRenewed(object);
