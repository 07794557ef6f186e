import { randomBytes } from 'node:crypto';
import type { ClientConfig } from '../cluster/admission.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { fieldAt, type KubeObject } from '../cluster/objects.ts';
import { isReady, isRunning, type Pod } from '../cluster/pods.ts';
import type { ObjectStore } from '../cluster/store.ts';
import type { Secret } from './types.ts';

/** The three programs of the operator. They share one image and differ in their first argument. */
type Program = 'controller' | 'webhook' | 'certcontroller';

function programOf(pod: Pod): Program | undefined {
  if (!pod.metadata.labels?.['app.kubernetes.io/name']?.startsWith('external-secrets')) return undefined;
  const [command = ''] = pod.spec.containers[0]?.args ?? [];
  return command === 'webhook' || command === 'certcontroller' ? command : 'controller';
}

/** The pods of a program, in any namespace. */
function podsOf(store: ObjectStore, program: Program): Pod[] {
  return store.list<Pod>('Pod').filter((pod) => programOf(pod) === program);
}

function argument(pod: Pod, name: string, fallback: string): string {
  const found = pod.spec.containers[0]?.args?.find((candidate) => candidate.startsWith(`--${name}=`));
  return found?.slice(name.length + 3) ?? fallback;
}

/** Whether a pod of the controller is ready. */
export function controllerRuns({ store }: ControlPlane): boolean {
  return podsOf(store, 'controller').some(isReady);
}

/**
 * The readiness probes. The webhook waits for a certificate for its own name. The cert-controller waits for ready
 * endpoints of the webhook, so it cannot be ready before the webhook. The controller has no probe.
 */
export function probe(store: ObjectStore, pod: Pod): boolean {
  const program = programOf(pod);
  if (program === 'webhook') {
    const dnsName = argument(pod, 'dns-name', 'localhost');
    return namesOf(certificate(store, 'external-secrets-webhook', pod.metadata.namespace ?? '')).includes(
      dnsName,
    );
  }
  if (program !== 'certcontroller') return true;
  const service = argument(pod, 'service-name', 'external-secrets-webhook');
  return hasEndpoints(store, service, argument(pod, 'service-namespace', 'default'));
}

/** The cert-controller: creates the webhook's certificate, and injects it into the webhook configurations and CRDs. */
export function distributeCertificates({ store }: ControlPlane): void {
  const pod = podsOf(store, 'certcontroller').find(isRunning);
  if (pod === undefined) return;
  const service = {
    name: argument(pod, 'service-name', 'external-secrets-webhook'),
    namespace: argument(pod, 'service-namespace', 'default'),
  };
  const secretName = argument(pod, 'secret-name', 'external-secrets-webhook');
  const secret = store.get<Secret>('Secret', secretName, argument(pod, 'secret-namespace', 'default'));
  if (secret === undefined) return;
  const dnsName = `${service.name}.${service.namespace}.svc`;
  const valid = namesOf(secret.data?.['tls.crt'] ?? '').includes(dnsName);
  const data = valid ? secret.data : createCertificates(dnsName);
  store.put({ ...secret, data });
  inject(store, { service, caBundle: data?.['ca.crt'] ?? '' });
}

/** The default of `--crd-names`: the CRDs that the cert-controller manages. */
const convertedDefinitions = ['externalsecrets', 'clustersecretstores', 'secretstores'];

/** Skips objects without the label, because the operator runs with a partial cache. */
function inject(store: ObjectStore, client: Required<Pick<ClientConfig, 'caBundle'>> & ClientConfig): void {
  const component = 'external-secrets.io/component';
  const merged = (old: unknown) => {
    const before = (old ?? {}) as ClientConfig;
    return { ...before, caBundle: client.caBundle, service: { ...before.service, ...client.service } };
  };
  for (const configuration of store.list<KubeObject & { webhooks?: { clientConfig?: unknown }[] }>(
    'ValidatingWebhookConfiguration',
  )) {
    if (configuration.metadata.labels?.[component] !== 'webhook') continue;
    const webhooks = configuration.webhooks?.map((hook) => ({
      ...hook,
      clientConfig: merged(hook.clientConfig),
    }));
    store.put({ ...configuration, webhooks });
  }
  for (const plural of convertedDefinitions) {
    const definition = store.get('CustomResourceDefinition', `${plural}.external-secrets.io`);
    if (definition?.metadata.labels?.[component] !== 'controller') continue;
    const spec = definition.spec as { conversion?: { webhook?: { clientConfig?: unknown } } };
    if (spec.conversion?.webhook === undefined) continue;
    const webhook = {
      ...spec.conversion.webhook,
      clientConfig: merged(spec.conversion.webhook.clientConfig),
    };
    store.put({ ...definition, spec: { ...spec, conversion: { ...spec.conversion, webhook } } });
  }
}

/**
 * Substitutes for certificates: the DNS name and random bytes in PEM format. The sandbox does not use TLS for the
 * webhook. It only compares certificates.
 */
function createCertificates(dnsName: string): Record<string, string> {
  const entry = (label: string, content: string) => {
    const body = Buffer.from(`${content} ${randomBytes(24).toString('hex')}`).toString('base64');
    return Buffer.from(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`).toString('base64');
  };
  return {
    'ca.crt': entry('CERTIFICATE', 'external-secrets'),
    'ca.key': entry('PRIVATE KEY', 'authority'),
    'tls.crt': entry('CERTIFICATE', dnsName),
    'tls.key': entry('PRIVATE KEY', 'server'),
  };
}

/** The DNS names in a certificate of `createCertificates`, encoded as in a Secret. */
function namesOf(encoded: string): string[] {
  const [, body = ''] = Buffer.from(encoded, 'base64').toString().split('\n');
  return Buffer.from(body, 'base64').toString().split(' ').slice(0, 1);
}

function certificate(store: ObjectStore, name: string, namespace: string): string {
  return store.get<Secret>('Secret', name, namespace)?.data?.['tls.crt'] ?? '';
}

function hasEndpoints(store: ObjectStore, name: string, namespace: string): boolean {
  const subsets = fieldAt(store.get('Endpoints', name, namespace), ['subsets']);
  return Array.isArray(subsets) && subsets.length > 0;
}

/**
 * Checks that a call can reach the webhook.
 * @throws Error with the connection error otherwise
 */
export function requireWebhook(store: ObjectStore, { service, caBundle }: ClientConfig): void {
  const { name = '', namespace = '' } = service ?? {};
  if (store.get('Service', name, namespace) === undefined) throw new Error(`service "${name}" not found`);
  if (!hasEndpoints(store, name, namespace)) throw new Error(`no endpoints available for service "${name}"`);
  if (!caBundle || store.get<Secret>('Secret', name, namespace)?.data?.['ca.crt'] !== caBundle) {
    throw new Error('tls: failed to verify certificate: x509: certificate signed by unknown authority');
  }
}
