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
  /** SHA-256 of the script that the agents on nodes run. */
  scriptDigest: 'ecr-bootstrap.dev/script-sha256',
  /** Changed to make the operator sync at once. */
  forceSync: 'ecr-bootstrap.dev/force-sync',
} as const;

/** The admission policy about images that ECR does not have. Short, because the API server begins each warning with it. */
export const warningPolicyName = 'ecr-bootstrap-images';

export const tagPrefix = 'ecr-bootstrap:';

/**
 * AWS tag keys. `creating` protects the access key that is being created. Its value is the IDs of the earlier
 * keys, or `-`.
 */
export const tags = {
  project: 'ecr-bootstrap:project',
  region: 'ecr-bootstrap:region',
  creating: 'ecr-bootstrap:creating',
  /**
   * On the secret with the key's ID, one tag per created power user: the user's name follows a slash, and the
   * value is its path.
   */
  powerUser: 'ecr-bootstrap:power-user',
  /**
   * The resource was adopted, so `down` keeps it. On a user, the value is the IDs of the access keys that the
   * user had at that time, or `-`.
   */
  adopted: 'ecr-bootstrap:adopted',
  /**
   * A cluster's ID follows a slash. The value is the key with which its tokens were issued, since when, and its
   * name.
   */
  cluster: 'ecr-bootstrap:cluster',
} as const;

export const operatorNamespace = 'external-secrets';

/** The namespace of the agent that lets nodes pull from ECR. It always gets a copy of the pull secret. */
export const nodeNamespace = 'ecr-bootstrap';

/** The DaemonSet of that agent, its ExternalSecret and its Secret. */
export const nodeAccessName = 'node-access';

/**
 * The host of the probe, an image that exists only in ECR: a node that pulls it uses the mirror. No registry has this
 * host, because RFC 2606 reserves its top-level domain.
 */
export const probeHost = 'ecr-bootstrap.invalid';

/** The operator's Deployments: the controller, the issuer of the webhook's certificate, and the webhook. */
export const operatorDeployments = [
  'external-secrets',
  'external-secrets-cert-controller',
  'external-secrets-webhook',
] as const;

/** The Secret that contains the image puller's key for the operator. The templates of the renewal use its keys. */
export const keySecretName = 'image-puller';

export const operatorVersion = 'v0.12.1';

/** The standard label with which tools mark the objects that they manage. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** Label on every Kubernetes object that this program created. */
export const managedBy = { [managedByLabel]: 'ecr-bootstrap' } as const;

/** Opts a namespace or service account out when `"true"`. */
export const ignoreLabel = 'ecr-bootstrap.dev/ignore';

/** Turns a change into one that adopts its target. The fields that mark the target as managed are not shown. */
export const asAdoption = <C extends Change>(change: C, adopts: Adoption): C => ({
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
