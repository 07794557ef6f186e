import type { ClusterPort, KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { operatorNamespace as namespace } from '../../core/ownership.ts';

const webhookConfigurations = ['externalsecret-validate', 'secretstore-validate'];
/** The CRDs whose conversion webhook the cert-controller configures. */
const convertedCrds = ['externalsecrets', 'clustersecretstores', 'secretstores'];

/** The webhook's certificate authority in base64; undefined until the cert-controller has created it. */
export async function readAuthority(cluster: ClusterPort): Promise<string | undefined> {
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'external-secrets-webhook', namespace };
  const { data } = ((await cluster.get(ref)) ?? {}) as { data?: Readonly<Record<string, string>> };
  return data?.['tls.crt'] ? data['ca.crt'] || undefined : undefined;
}

/** Names of the webhooks and CRDs that have another certificate authority, or none. */
export async function findUntrusting(cluster: ClusterPort, authority: string): Promise<string[]> {
  const [webhooks, conversions] = await Promise.all([
    Promise.all(webhookConfigurations.map((name) => readWebhooks(cluster, name))),
    Promise.all(convertedCrds.map((name) => readConversion(cluster, `${name}.external-secrets.io`))),
  ]);
  return [...webhooks.flat(), ...conversions]
    .filter(({ caBundle }) => caBundle !== authority)
    .map(({ name }) => name);
}

interface WebhookClient {
  readonly name: string;
  readonly caBundle: string | undefined;
}

interface ClientConfig {
  readonly clientConfig?: { readonly caBundle?: string };
}

async function readWebhooks(cluster: ClusterPort, name: string): Promise<WebhookClient[]> {
  const ref = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', name };
  const { webhooks } = (await read(cluster, ref)) as { webhooks?: (ClientConfig & { name: string })[] };
  if (webhooks === undefined) return [{ name, caBundle: undefined }];
  return webhooks.map(({ name: webhook, clientConfig }) => ({
    name: webhook,
    caBundle: clientConfig?.caBundle,
  }));
}

async function readConversion(cluster: ClusterPort, name: string): Promise<WebhookClient> {
  const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
  const { spec } = (await read(cluster, ref)) as { spec?: { conversion?: { webhook?: ClientConfig } } };
  return { name, caBundle: spec?.conversion?.webhook?.clientConfig?.caBundle };
}

const read = async (cluster: ClusterPort, ref: ObjectRef): Promise<Partial<KubeObject>> =>
  (await cluster.get(ref)) ?? {};
