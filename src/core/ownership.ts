import type { Adoption, Change } from './step.ts';
/** How managed resources are marked, so that no state file is needed. */
export const manager = 'ecr-bootstrap';

/** Annotations on managed Kubernetes objects. */
export const annotations = {
  /** SHA-256 of the operator's YAML from which an object was created. */
  manifestDigest: 'ecr-bootstrap.dev/manifest-sha256',
  /** SHA-256 of the settings with which the operator's pods were created. */
  settingsDigest: 'ecr-bootstrap.dev/settings-sha256',
  /** When the token in a pull secret expires, in Unix seconds, as the generator writes it. */
  expiresAt: 'ecr-bootstrap.dev/expires-at',
  /** The ECR host that the cluster was set up for. */
  registryHost: 'ecr-bootstrap.dev/registry-host',
  /** The project that the cluster was set up for. */
  project: 'ecr-bootstrap.dev/project',
  /** The globs of `namespaces.exclude` that the list of excluded namespaces was last written for. */
  excludedNamespaces: 'ecr-bootstrap.dev/excluded-namespaces',
  /** Changed to make the operator sync at once. */
  forceSync: 'ecr-bootstrap.dev/force-sync',
} as const;

export const tagPrefix = 'ecr-bootstrap:';

/** AWS tag keys. `creating` protects the access key that is being created; its value is the IDs of the earlier keys, or `-`. */
export const tags = {
  project: 'ecr-bootstrap:project',
  region: 'ecr-bootstrap:region',
  creating: 'ecr-bootstrap:creating',
  /** Of the secret with the key's ID: behind a slash, the name of each power user that was created; its value is the path. */
  powerUser: 'ecr-bootstrap:power-user',
  /**
   * It existed before and was adopted, so `down` keeps it. Of a user, the value is the IDs of the access keys that it had
   * then, or `-`.
   */
  adopted: 'ecr-bootstrap:adopted',
  /** With a cluster's id behind a slash: the key of which it has tokens, since when, and its name. */
  cluster: 'ecr-bootstrap:cluster',
} as const;

export const operatorNamespace = 'external-secrets';

/** The Deployments of the operator: what syncs, what issues the webhook's certificate, and the webhook. */
export const operatorDeployments = [
  'external-secrets',
  'external-secrets-cert-controller',
  'external-secrets-webhook',
] as const;

/** The Secret that holds the image-puller's key for the operator; its keys are part of the renewal's templates. */
export const keySecretName = 'image-puller';

export const operatorVersion = 'v0.12.1';

/** The label with which tools mark their objects. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** Label on every Kubernetes object that this program created. */
export const managedBy = { [managedByLabel]: 'ecr-bootstrap' } as const;

/** Opts a namespace or service account out when `"true"`. */
export const ignoreLabel = 'ecr-bootstrap.dev/ignore';

/** A change that adopts its target. The fields that mark the target as managed are not shown. */
export const adopting = <C extends Change>(change: C, adopts: Adoption): C => ({
  ...change,
  fields: change.fields.filter(({ path }) => !isMark(path)),
  adopts,
});

const isMark = (path: string): boolean =>
  marks.has(path) ||
  path.startsWith(`tags.${tagPrefix}`) ||
  path.startsWith('metadata.annotations["ecr-bootstrap.dev/');

const marks: ReadonlySet<string> = new Set([`metadata.labels["${managedByLabel}"]`]);

/** The owner of a resource without any mark. */
export const unknownOwner = 'unknown';
