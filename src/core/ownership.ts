import type { Adoption, Change } from './step.ts';
/** How everything that is ours is marked, so that no state file is needed to know it again. */
export const manager = 'ecr-bootstrap';

/** Annotations on our Kubernetes objects. */
export const annotations = {
  /** SHA-256 of the operator's YAML that an object was made from. */
  manifestDigest: 'ecr-bootstrap.dev/manifest-sha256',
  /** SHA-256 of the settings that the operator's pods were made with. */
  settingsDigest: 'ecr-bootstrap.dev/settings-sha256',
  /** When the token in a pull secret ends, in unix seconds: the form in which the generator gives it. */
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

/** AWS tag keys. `creating` protects the access key that is being made; its value is the key ids that stood before, or `-`. */
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

/** The label by which tools say that an object is theirs. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** Label on every Kubernetes object that this program made. */
export const managedBy = { [managedByLabel]: 'ecr-bootstrap' } as const;

/** Opts a namespace or service account out when `"true"`. */
export const ignoreLabel = 'ecr-bootstrap.dev/ignore';

/** The change of something that is not ours: it also puts our mark there, which goes without saying. */
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

/** For what bears no mark at all. */
export const unknownOwner = 'nobody known';
