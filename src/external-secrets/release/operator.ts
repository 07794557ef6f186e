import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Config } from '../../config/schema.ts';
import { authorityPatches } from './authorities.ts';
import { sha256 } from './cache.ts';
import { applyPatches, type Patch } from './patch.ts';
import type { OperatorManifest } from './port.ts';
import { renderedNamespace } from './release.ts';

const image = /external-secrets\/external-secrets:v0\.12\.1$/;

/** How objects are marked as ours. */
export interface Marks {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the annotations for the checksums of the YAML and of the settings. */
  readonly annotations: { readonly manifestDigest: string; readonly settingsDigest: string };
}

export interface OperatorSettings
  extends
    Marks,
    Pick<Config['externalSecrets'], 'env' | 'tolerations' | 'nodeSelector'>,
    Partial<Pick<Config['externalSecrets'], 'resources'>> {
  /** The operator's image in the ECR: `HOST/REPOSITORY:TAG`. */
  readonly image: string;
  readonly pullSecret: string;
  /** PEM of authorities that the operator trusts besides those in its image. */
  readonly authorities?: string;
}

/** The 16 CRDs as we apply them. */
export function patchCrds(manifest: OperatorManifest, marks: Marks): KubeObject[] {
  const crds = manifest.objects.filter(isCrd);
  return applyPatches(crds, [...markPatches(crds.length, manifest, marks), conversion(marks.namespace)]);
}

/** The other 19 objects as we apply them. */
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

/** Labels of the YAML stay: the cert-controller sees only what has its component's label. */
function markPatches(times: number, manifest: OperatorManifest, marks: Marks): Patch[] {
  const { labels, annotations } = marks;
  return [
    { what: 'our labels', objects: '*', path: 'metadata.labels', times, set: adding(labels) },
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
 * The webhook that converts between versions. The cert-controller writes name and namespace of the service, and the
 * authority, into three of them; the bundle of CRDs names a placeholder that the release replaces.
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
  const rendered = (value: unknown): boolean => value === renderedNamespace;
  const set = (): string => namespace;
  const moved = (objects: string, path: string, times: number): Patch => ({
    what: 'namespace',
    objects,
    path,
    where: rendered,
    times,
    set,
  });
  return [
    moved('*', 'metadata.namespace', 10),
    moved('ClusterRoleBinding', 'subjects.*.namespace', 2),
    moved('RoleBinding', 'subjects.*.namespace', 1),
    moved('ValidatingWebhookConfiguration', 'webhooks.*.clientConfig.service.namespace', 3),
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
  const everywhere = (what: string, path: string, value: unknown): Patch => ({
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
    // With one worker, a single call to AWS that hangs stops the renewal of every secret.
    argument('external-secrets', '--concurrent=1', '5'),
    // The first probe is all that a first install waits for: the pods are ready within two seconds.
    {
      what: 'delay of the readiness probes',
      objects: 'Deployment',
      path: `${container}.readinessProbe.initialDelaySeconds`,
      where: (value) => value === 20,
      times: 2,
      set: () => 2,
    },
    ...given(env, everywhere('environment', `${container}.env`, variables(env))),
    ...given(nodeSelector, everywhere('node selector', `${pod}.nodeSelector`, nodeSelector)),
    ...given(tolerations, everywhere('tolerations', `${pod}.tolerations`, tolerations)),
    ...given(resources, everywhere('resources', `${container}.resources`, resources)),
  ];
}

/**
 * Marks the pods with a checksum of the settings: it tells pods of before a change from those of after, makes new
 * ones for new authorities, which are read at a pod's start only, and shows that a setting was taken away.
 */
const settingsDigest = ({ annotations, labels, namespace, ...settings }: OperatorSettings): Patch => ({
  what: 'checksum of the settings',
  objects: 'Deployment',
  path: 'spec.template.metadata.annotations',
  times: 3,
  set: adding({ [annotations.settingsDigest]: sha256(JSON.stringify(settings)) }),
});

/** Gives one argument of a Deployment's container another value. */
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

const given = (setting: object | undefined, patch: Patch): Patch[] =>
  setting === undefined || Object.keys(setting).length === 0 ? [] : [patch];

const variables = (env: Readonly<Record<string, string>>): object[] =>
  Object.entries(env).map(([name, value]) => ({ name, value }));

const adding =
  (more: Readonly<Record<string, string>>) =>
  (value: unknown): unknown => ({ ...(value as object | undefined), ...more });
