import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Config } from '../../config/schema.ts';
import { authorityPatches } from './authorities.ts';
import { sha256 } from '../../core/sha256.ts';
import { applyPatches, type Patch } from './patch.ts';
import type { OperatorManifest } from './port.ts';
import { renderedNamespace } from './release.ts';

const image = /external-secrets\/external-secrets:v0\.12\.1$/;

/** Namespace, labels and annotations of managed objects. */
export interface ManagedMetadata {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the annotations for the checksums of the YAML and of the settings. */
  readonly annotations: { readonly manifestDigest: string; readonly settingsDigest: string };
}

export interface OperatorSettings
  extends
    ManagedMetadata,
    Pick<Config['externalSecrets'], 'env' | 'tolerations' | 'nodeSelector'>,
    Partial<Pick<Config['externalSecrets'], 'resources'>> {
  /** The operator's image in the ECR: `HOST/REPOSITORY:TAG`. */
  readonly image: string;
  readonly pullSecret: string;
  /** PEM of certificate authorities that the operator trusts in addition to those of its image. */
  readonly authorities?: string;
}

/** The 16 CRDs as `up` applies them. */
export function patchCrds(manifest: OperatorManifest, marks: ManagedMetadata): KubeObject[] {
  const crds = manifest.objects.filter(isCrd);
  return applyPatches(crds, [...markPatches(crds.length, manifest, marks), conversion(marks.namespace)]);
}

/** The other 19 objects as `up` applies them. */
export function patchObjects(manifest: OperatorManifest, settings: OperatorSettings): KubeObject[] {
  const objects = manifest.objects.filter((object) => !isCrd(object));
  return applyPatches(objects, [
    ...markPatches(objects.length, manifest, settings),
    ...namespacePatches(settings.namespace),
    ...podPatches(settings),
    ...(settings.authorities === undefined ? [] : authorityPatches),
    settingsDigest(settings),
  ]);
}

const isCrd = ({ kind }: KubeObject): boolean => kind === 'CustomResourceDefinition';

/** The release's labels stay: the cert-controller watches only objects with its component label. */
function markPatches(times: number, manifest: OperatorManifest, marks: ManagedMetadata): Patch[] {
  const { labels, annotations } = marks;
  return [
    { what: 'labels', objects: '*', path: 'metadata.labels', times, set: adding(labels) },
    {
      what: 'checksum',
      objects: '*',
      path: 'metadata.annotations',
      times,
      set: adding({ [annotations.manifestDigest]: manifest.sha256 }),
    },
  ];
}

/**
 * The service of the conversion webhook. The cert-controller sets the service and the certificate authority in only three
 * CRDs; the other CRDs of the release have a placeholder.
 */
const conversion = (namespace: string): Patch => ({
  what: 'service of the conversion webhooks',
  objects: 'CustomResourceDefinition',
  path: 'spec.conversion.webhook.clientConfig.service',
  where: (value) => value !== undefined,
  times: 16,
  set: adding({ name: 'external-secrets-webhook', namespace }),
});

function namespacePatches(namespace: string): Patch[] {
  const isRendered = (value: unknown): boolean => value === renderedNamespace;
  const set = (): string => namespace;
  const inNamespace = (objects: string, path: string, times: number): Patch => ({
    what: 'namespace',
    objects,
    path,
    where: isRendered,
    times,
    set,
  });
  return [
    inNamespace('*', 'metadata.namespace', 10),
    inNamespace('ClusterRoleBinding', 'subjects.*.namespace', 2),
    inNamespace('RoleBinding', 'subjects.*.namespace', 1),
    inNamespace('ValidatingWebhookConfiguration', 'webhooks.*.clientConfig.service.namespace', 3),
    argument('external-secrets-cert-controller', `--service-namespace=${renderedNamespace}`, namespace),
    argument('external-secrets-cert-controller', `--secret-namespace=${renderedNamespace}`, namespace),
    argument(
      'external-secrets-webhook',
      `--dns-name=external-secrets-webhook.${renderedNamespace}.svc`,
      `external-secrets-webhook.${namespace}.svc`,
    ),
  ];
}

function podPatches(settings: OperatorSettings): Patch[] {
  const { env, nodeSelector, pullSecret, resources, tolerations } = settings;
  const pod = 'spec.template.spec';
  const container = `${pod}.containers.*`;
  const inEveryPod = (what: string, path: string, value: unknown): Patch => ({
    what,
    objects: 'Deployment',
    path,
    times: 3,
    set: () => value,
  });
  return [
    {
      what: 'pull secret',
      objects: 'ServiceAccount',
      path: 'imagePullSecrets',
      where: (value) => value === undefined,
      times: 3,
      set: () => [{ name: pullSecret }],
    },
    {
      what: 'image',
      objects: 'Deployment',
      path: `${container}.image`,
      where: (value) => typeof value === 'string' && image.test(value),
      times: 3,
      set: () => settings.image,
    },
    // With one worker, one stuck call to AWS would stop the renewal of every secret.
    argument('external-secrets', '--concurrent=1', '10'),
    // A refresh needs 7 requests. By default the operator sends 50 per second, so a new namespace would wait for seconds
    // while a thousand others are refreshed.
    {
      what: 'rate of requests to the API server',
      objects: 'Deployment external-secrets',
      path: `${container}.args`,
      times: 1,
      set: (args) => [...(args as readonly string[]), '--client-qps=500', '--client-burst=1000'],
    },
    // A new installation waits for the first probe, and the pods are ready within two seconds.
    {
      what: 'delay of the readiness probes',
      objects: 'Deployment',
      path: `${container}.readinessProbe.initialDelaySeconds`,
      where: (value) => value === 20,
      times: 2,
      set: () => 2,
    },
    ...ifSet(env, inEveryPod('environment', `${container}.env`, variables(env))),
    ...ifSet(nodeSelector, inEveryPod('node selector', `${pod}.nodeSelector`, nodeSelector)),
    ...ifSet(tolerations, inEveryPod('tolerations', `${pod}.tolerations`, tolerations)),
    ...ifSet(resources, inEveryPod('resources', `${container}.resources`, resources)),
  ];
}

/**
 * Annotates the pods with a checksum of the settings. It distinguishes the pods before and after a change, and reveals a
 * setting that was removed. It also recreates the pods for new certificate authorities, which are read only at startup.
 */
const settingsDigest = ({ annotations, labels, namespace, ...settings }: OperatorSettings): Patch => ({
  what: 'checksum of the settings',
  objects: 'Deployment',
  path: 'spec.template.metadata.annotations',
  times: 3,
  set: adding({ [annotations.settingsDigest]: sha256(JSON.stringify(settings)) }),
});

/** Changes the value of one container argument of a Deployment. */
function argument(deployment: string, before: string, value: string): Patch {
  const [flag = ''] = before.split('=');
  return {
    what: `argument ${flag}`,
    objects: `Deployment ${deployment}`,
    path: 'spec.template.spec.containers.*.args.*',
    where: (arg) => arg === before,
    times: 1,
    set: () => `${flag}=${value}`,
  };
}

const ifSet = (setting: object | undefined, patch: Patch): Patch[] =>
  setting === undefined || Object.keys(setting).length === 0 ? [] : [patch];

const variables = (env: Readonly<Record<string, string>>): object[] =>
  Object.entries(env).map(([name, value]) => ({ name, value }));

const adding =
  (more: Readonly<Record<string, string>>) =>
  (value: unknown): unknown => ({ ...(value as object | undefined), ...more });
