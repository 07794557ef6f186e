import type { Target } from './target.ts';

/** A fact that `up` does not change, with its reason and fix. */
export interface Finding {
  /** The severity. `unknown` means that the check could not run. */
  readonly level: 'ok' | 'warning' | 'failed' | 'unknown';
  readonly code: FindingCode;
  readonly target: Target;
  readonly what: string;
  readonly why: string;
  readonly hint: string;
  /** The finding ends a run before its first change. */
  readonly blocking?: boolean;
  /** A plan that changes this target resolves the finding, and does not report it. */
  readonly resolvedBy?: Target;
  /** For a token: the seconds until it expires. */
  readonly secondsLeft?: number;
}

/** Every finding that `status` and plans can report. docs/reference/errors.md is generated from this table. */
export const findingCodes = {
  unseen: { level: 'unknown', about: 'This check could not run.' },
  'in-order': { level: 'ok', about: 'OK.' },
  drift: { level: 'failed', about: 'A resource differs from the configuration; `up` repairs it.' },
  'change-refused': { level: 'failed', about: 'The cluster rejects a change that `up` would make.' },
  foreign: {
    level: 'failed',
    about: 'A resource already exists and is not managed by ecr-bootstrap; `up --adopt` adopts it.',
  },
  'user-foreign': {
    level: 'failed',
    about: 'An IAM user or policy of that name belongs to another project.',
  },
  'user-unmanaged': {
    level: 'failed',
    about: 'The configuration says that this user is managed elsewhere, and it lacks something.',
  },
  'path-differs': {
    level: 'failed',
    about: 'An IAM user or policy has another path than configured; `up` does not change paths.',
  },
  'user-excess': {
    level: 'warning',
    about: 'A managed user has unexpected policies, groups or access keys.',
  },
  'needs-administrator': { level: 'warning', about: 'Only an administrator can fix this.' },
  'version-older': {
    level: 'warning',
    about: 'A newer version of ecr-bootstrap configured a cluster of the project.',
  },
  'setting-kept': {
    level: 'ok',
    about: 'A setting is no longer in the configuration, and existing resources keep its value.',
  },
  'setup-differs': {
    level: 'failed',
    about: 'The cluster is set up for another project, region or account than configured.',
  },
  'former-user': { level: 'warning', about: 'A user of an earlier name, or its secrets, still exist.' },
  'secret-foreign': { level: 'failed', about: 'A secret of that name belongs to another project.' },
  'key-limit': {
    level: 'failed',
    about: 'The user already has two unmanaged access keys, the most that IAM allows.',
  },
  'key-old': { level: 'warning', about: 'The access key is older than 90 days.' },
  'key-refused': { level: 'failed', about: 'AWS rejects the stored access key.' },
  'key-disabled': { level: 'failed', about: 'The current access key is disabled; `up` creates a new one.' },
  'pulls-interrupted': {
    level: 'warning',
    about: '`rotate --force` interrupts pulls until every namespace has a new pull secret.',
  },
  'key-unknown': {
    level: 'unknown',
    about:
      'Whether an access key is managed is unknown while the secret that lists the managed keys cannot be read.',
  },
  'key-unfinished': {
    level: 'warning',
    about: 'An earlier run stopped while it created the access key; `up` finishes it.',
  },
  'key-in-use': { level: 'failed', about: 'The access key is used by something other than this cluster.' },
  'key-kept': {
    level: 'warning',
    about: 'The key that the last rotation disabled still exists, and IAM allows only two keys per user.',
  },
  'secret-pair-torn': {
    level: 'failed',
    about: 'The stored key ID and secret do not match (an earlier write was interrupted).',
  },
  'repository-foreign': {
    level: 'ok',
    about: 'An existing repository is not managed by ecr-bootstrap; it is used but not changed.',
  },
  'repository-unknown': { level: 'failed', about: 'The settings of a repository could not be read.' },
  'repository-encryption': {
    level: 'warning',
    about: 'The repository has another encryption than configured; ECR cannot change it.',
  },
  'repository-setting': {
    level: 'ok',
    about: 'A repository has a value that this version does not know; it is not changed.',
  },
  'repository-unneeded': {
    level: 'ok',
    about: 'A repository of the project holds no image that the configuration or the cluster needs.',
  },
  'creation-rule': {
    level: 'warning',
    about: 'A rule of the registry can create repositories of the project, or could not be read.',
  },
  'resource-policy': {
    level: 'warning',
    about: 'A resource to adopt has a policy that grants access to others, or could not be read.',
  },
  'region-unsupported': {
    level: 'failed',
    about: 'The installed version of External Secrets does not know the region.',
  },
  'registration-full': {
    level: 'failed',
    about: 'The secret that lists the clusters has no room for another tag.',
  },
  'registry-alias': {
    level: 'warning',
    about: 'A workload names this registry by a host that the pull secret does not cover.',
  },
  'lifecycle-risk': {
    level: 'warning',
    about: 'A lifecycle policy can remove images in use, or could not be checked.',
  },
  'image-unresolved': {
    level: 'warning',
    about: 'An image was not found at its source, or its source denied access.',
  },
  'platform-unavailable': {
    level: 'warning',
    about: 'The source does not have an image for the platform of some nodes.',
  },
  'platform-odd': {
    level: 'warning',
    about: 'A node reports a platform for which no image can exist; it is skipped.',
  },
  'image-unknown': { level: 'failed', about: 'It could not be checked whether ECR has an image.' },
  'operator-foreign': {
    level: 'failed',
    about: 'External Secrets Operator is installed in a namespace or version that cannot be adopted.',
  },
  'operator-helm': {
    level: 'warning',
    about: 'The operator was adopted, and its Helm release is still there.',
  },
  'operator-kept': {
    level: 'warning',
    about: '`externalSecrets.install` is false, and the operator that `up` installed is still there.',
  },
  'operator-unhealthy': { level: 'failed', about: 'A component of the operator is not running.' },
  'operator-manifest': { level: 'ok', about: "The operator's YAML, with its checksum." },
  'operator-api': {
    level: 'failed',
    about: 'The installed operator does not serve the API versions that are needed.',
  },
  'token-expiring': { level: 'warning', about: 'A pull secret expires soon and was not renewed.' },
  'token-expired': { level: 'failed', about: 'A pull secret has expired.' },
  'token-unknown': { level: 'unknown', about: 'The expiry of a pull secret is unknown.' },
  'sync-failed': { level: 'failed', about: 'The operator failed to renew or copy a secret.' },
  'pull-secret-foreign': { level: 'failed', about: 'An unmanaged secret of that name exists.' },
  'pull-secret-earlier': {
    level: 'warning',
    about:
      'A pull secret of an earlier `pullSecret.name` is still in use; `up` deletes it when nothing uses it.',
  },
  'namespace-uncovered': { level: 'failed', about: 'A namespace has no pull secret.' },
  'namespace-ignored': { level: 'ok', about: 'A namespace or service account is left alone on purpose.' },
  'namespace-in-use': {
    level: 'warning',
    about: 'An excluded namespace still uses its copy of the pull secret, which stays until then.',
  },
  'policy-unavailable': {
    level: 'warning',
    about: 'The cluster does not serve MutatingAdmissionPolicy; new service accounts need `up` again.',
  },
  'policy-unproven': {
    level: 'warning',
    about: 'The admission policy did not work in a dry run, or could not be tried, and was removed.',
  },
  'policy-left': {
    level: 'failed',
    about: 'The admission policy was not verified, and could not be removed when the run ended.',
  },
  'pull-ending': {
    level: 'warning',
    about: 'Pods use images of this registry and cannot pull them again after `down`.',
  },
  'left-behind': { level: 'warning', about: '`down` keeps this, because it is unmanaged or still in use.' },
  'pull-failing': { level: 'failed', about: 'A pod cannot pull its image.' },
  'pod-pull-secrets': {
    level: 'warning',
    about: 'A pod lists its own pull secrets, without the managed one.',
  },
  'internet-image': { level: 'warning', about: 'A workload pulls an image from outside ECR.' },
  'static-pod-image': {
    level: 'ok',
    about:
      "A static pod's image must be preloaded on the node, because pull secrets do not reach static pods.",
  },
} as const satisfies Record<string, { readonly level: Finding['level']; readonly about: string }>;

export type FindingCode = keyof typeof findingCodes;

/** Creates a finding with the default level of its code, unless `level` overrides it. */
export const finding = (
  code: FindingCode,
  parts: Omit<Finding, 'level' | 'code'> & Partial<Pick<Finding, 'level'>>,
): Finding => ({ level: findingCodes[code].level, code, ...parts });
