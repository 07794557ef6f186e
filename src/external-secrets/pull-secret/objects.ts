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

/** The project and registry that a cluster is set up for. */
interface Setup {
  readonly project: string;
  readonly registryHost: string;
}

/** The operator's namespace. Its annotations record what the cluster is set up for. */
export function namespaceObject(
  { project, registryHost }: Setup,
  actual: KubeObject | undefined,
): KubeObject {
  // An existing unmanaged namespace does not get the label of ecr-bootstrap, so `down` keeps it.
  const labels = actual === undefined || isManaged(actual) ? { labels: managedBy } : {};
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

/** The ID of the access key that the operator uses. */
export async function keyInCluster(cluster: ClusterPort): Promise<string | undefined> {
  return keyIdIn(await cluster.get({ apiVersion: 'v1', kind: 'Secret', name: keySecretName, namespace }));
}

/** The ID of the access key in the Secret that the operator uses. */
export function keyIdIn(keySecret: KubeObject | undefined): string | undefined {
  const { data } = (keySecret ?? {}) as { data?: Readonly<Record<string, string>> };
  const id = data?.['AWS_ACCESS_KEY_ID'];
  return id === undefined ? undefined : Buffer.from(id, 'base64').toString();
}

/** The pull secret, as the template in `manifests/renewal.yaml` creates it. */
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

/** Not `stringData`: the server records the applied fields as managed, and stores only `data`. */
const encoded = (values: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );

/** A Secret without data, to refer to it. */
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

/** The Secret can contain anything that a user wrote. */
function entryFor(config: string, host: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { auths } = JSON.parse(config) as { auths?: Readonly<Record<string, Record<string, unknown>>> };
    return auths?.[host];
  } catch {
    // Invalid JSON contains no login.
    return undefined;
  }
}

/** Whether the operator renews the Secret for `up`; with an owner reference it belongs to another ExternalSecret. */
const isRenewed = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.['reconcile.external-secrets.io/managed'] === 'true' &&
  (metadata.ownerReferences ?? []).length === 0;

export const isManagedSecret = (object: KubeObject): boolean => isManaged(object) || isRenewed(object);
