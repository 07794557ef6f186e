/**
 * Every error and finding that can be shown, in one place: the reference in the docs is generated from here.
 * `exit` is the process's exit code when the error ends a run: 1 failed, 2 usage, configuration or preflight.
 */
export const errorCodes = {
  usage: { exit: 2, about: 'The command line has an unknown command, flag or value.' },
  'config-unreadable': { exit: 2, about: 'The configuration file cannot be read or is not YAML.' },
  'config-invalid': {
    exit: 2,
    about: 'The configuration has an unknown key or a value that is not allowed.',
  },
  'config-untrusted': {
    exit: 2,
    about: 'Another user could have written the configuration file that was found in the working folder.',
  },
  'kubeconfig-untrusted': {
    exit: 2,
    about: 'A configuration file found in the working folder names a kubeconfig that would run a program.',
  },
  'sandbox-untrusted': {
    exit: 2,
    about: 'Another user could have written the files that connect commands with a running sandbox.',
  },
  'file-missing': {
    exit: 2,
    about: 'A file named on the command line or in the configuration does not exist.',
  },
  'file-exists': { exit: 2, about: 'The file already exists; nothing was written.' },
  'file-unwritable': { exit: 2, about: 'A file named on the command line cannot be written.' },
  'reference-invalid': { exit: 2, about: 'An image reference is not valid.' },
  'repository-name-invalid': { exit: 2, about: 'A name is not valid for an ECR repository.' },
  'platform-unknown': { exit: 2, about: 'The platforms to mirror are unknown, or not written as os/arch.' },
  'credentials-missing': { exit: 2, about: 'No AWS credentials were found, or they are wrong or expired.' },
  'credentials-expired': {
    exit: 1,
    about: 'The AWS credentials expired during the run; the next run resumes where this one stopped.',
  },
  'account-mismatch': {
    exit: 2,
    about: 'The credentials belong to another AWS account than the configured one.',
  },
  'region-invalid': { exit: 2, about: 'The region is missing or does not exist.' },
  'aws-unreachable': { exit: 2, about: 'An AWS endpoint is unreachable.' },
  'aws-denied': { exit: 1, about: 'AWS denied an action.' },
  'aws-failed': { exit: 1, about: 'AWS rejected a request or returned an error.' },
  'cluster-unconfigured': { exit: 2, about: 'No usable kubeconfig or context was found.' },
  'cluster-unreachable': { exit: 2, about: 'The Kubernetes API is unreachable or rejected the credentials.' },
  'cluster-denied': { exit: 2, about: 'The kubeconfig lacks permissions that the selected steps need.' },
  'cluster-failed': { exit: 1, about: 'The Kubernetes API rejected a request or returned an error.' },
  'tls-untrusted': { exit: 2, about: "A server's certificate is not signed by a trusted authority." },
  'proxy-invalid': { exit: 2, about: 'A proxy setting is not a URL.' },
  'docker-unreachable': { exit: 2, about: 'The Docker engine is unreachable.' },
  'docker-failed': { exit: 1, about: 'The Docker engine failed a pull, tag or push.' },
  'manifest-unusable': {
    exit: 2,
    about: "The operator's YAML could not be downloaded, or is not that of v0.12.1.",
  },
  'patch-mismatch': { exit: 2, about: "A patch did not match the operator's YAML." },
  'registry-unreachable': { exit: 1, about: 'A registry is unreachable.' },
  'registry-failed': { exit: 1, about: 'A registry rejected a request or returned an error.' },
  'address-refused': {
    exit: 1,
    about:
      'A registry is on this computer or its local link, and you did not list it: only the cluster or another registry names it.',
  },
  'registry-denied': { exit: 1, about: 'A registry rejected the credentials or requires a login.' },
  'image-missing': { exit: 1, about: 'The source registry does not have the image.' },
  'image-platform-missing': { exit: 1, about: 'The image does not exist for a platform that is needed.' },
  'image-inaccessible': {
    exit: 1,
    about: 'ECR has the image but cannot return it, for example because it is archived.',
  },
  'image-unsupported': {
    exit: 1,
    about: 'The kind of manifest is not supported, or it is larger than ECR accepts.',
  },
  'image-corrupt': {
    exit: 1,
    about: 'The content that a registry sent does not match its digest or length.',
  },
  'mirror-incomplete': { exit: 1, about: 'Some images could not be mirrored; the others were.' },
  incomplete: {
    exit: 1,
    about: 'Some items, for example namespaces, failed; everything else is done.',
  },
  foreign: {
    exit: 2,
    about: 'A resource already exists and is not managed by ecr-bootstrap; `up` shows how to adopt it.',
  },
  blocked: {
    exit: 2,
    about: 'The plan has a problem that must be fixed first; nothing was changed.',
  },
  'confirmation-needed': {
    exit: 2,
    about: 'The plan has changes, and there is no terminal to confirm them; pass --yes.',
  },
  'version-older': {
    exit: 2,
    about: 'A newer version of ecr-bootstrap configured the cluster or the project; nothing was changed.',
  },
  'plan-changed': {
    exit: 1,
    about: 'The plan changed during the run and now includes a deletion that was not confirmed.',
  },
  'step-failed': { exit: 1, about: 'Changes of a step failed; the steps after it did not run.' },
  'not-ready': { exit: 1, about: 'A resource did not become ready in time.' },
  'key-unproven': {
    exit: 1,
    about: 'AWS did not accept a new access key in time; the next run resumes.',
  },
  'key-still-accepted': {
    exit: 1,
    about: 'AWS still accepted a disabled access key after ten minutes, so no new one was created.',
  },
  locked: { exit: 2, about: 'Another run holds the lease on this cluster.' },
  'lease-lost': {
    exit: 1,
    about: 'The lease on this cluster was lost during the run; the next run resumes.',
  },
  interrupted: {
    exit: 130,
    about: 'The run was interrupted. Run the same command again; it resumes where it stopped.',
  },
  timeout: { exit: 1, about: 'The command timed out after --timeout.' },
  bug: { exit: 70, about: 'Internal error. Please report it.' },
} as const satisfies Record<string, { exit: number; about: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** What `status` and plans can find. */
export const findingCodes = {
  unseen: 'This check could not run.',
  'in-order': 'OK.',
  drift: 'A resource differs from the configuration; `up` repairs it.',
  'change-refused': 'The cluster rejects a change that `up` would make.',
  foreign: 'A resource already exists and is not managed by ecr-bootstrap; `up --adopt` adopts it.',
  'user-foreign': 'An IAM user or policy of that name belongs to another project.',
  'user-unmanaged': 'The configuration says that this user is managed elsewhere, and it lacks something.',
  'path-differs': 'An IAM user or policy has another path than configured; `up` does not change paths.',
  'user-excess': 'A managed user has unexpected policies, groups or access keys.',
  'needs-administrator': 'Only an administrator can fix this.',
  'version-older': 'A newer version of ecr-bootstrap configured a cluster of the project.',
  'setting-kept': 'A setting is no longer in the configuration, and existing resources keep its value.',
  'setup-differs': 'The cluster is set up for another project, region or account than configured.',
  'former-user': 'A user of an earlier name, or its secrets, still exist.',
  'secret-foreign': 'A secret of that name belongs to another project.',
  'key-limit': 'The user already has two unmanaged access keys, the most that IAM allows.',
  'key-old': 'The access key is older than 90 days.',
  'key-refused': 'AWS rejects the stored access key.',
  'key-disabled': 'The current access key is disabled; `up` creates a new one.',
  'pulls-interrupted': '`rotate --force` interrupts pulls until every namespace has a new pull secret.',
  'key-unknown':
    'Whether an access key is managed is unknown while the secret that lists the managed keys cannot be read.',
  'key-unfinished': 'An earlier run stopped while it created the access key; `up` finishes it.',
  'key-in-use': 'The access key is used by something other than this cluster.',
  'key-kept': 'The key that the last rotation disabled still exists, and IAM allows only two keys per user.',
  'secret-pair-torn': 'The stored key ID and secret do not match (an earlier write was interrupted).',
  'repository-foreign': 'An existing repository is not managed by ecr-bootstrap; it is used but not changed.',
  'repository-unknown': 'The settings of a repository could not be read.',
  'repository-encryption': 'The repository has another encryption than configured; ECR cannot change it.',
  'repository-setting': 'A repository has a value that this version does not know; it is not changed.',
  'repository-unneeded':
    'A repository of the project holds no image that the configuration or the cluster needs.',
  'creation-rule': 'A rule of the registry can create repositories of the project, or could not be read.',
  'resource-policy': 'A resource to adopt has a policy that grants access to others, or could not be read.',
  'region-unsupported': 'The installed version of External Secrets does not know the region.',
  'registration-full': 'The secret that lists the clusters has no room for another tag.',
  'registry-alias': 'A workload names this registry by a host that the pull secret does not cover.',
  'lifecycle-risk': 'A lifecycle policy can remove images in use, or could not be checked.',
  'image-unresolved': 'An image was not found at its source, or its source denied access.',
  'platform-unavailable': 'The source does not have an image for the platform of some nodes.',
  'platform-odd': 'A node reports a platform for which no image can exist; it is skipped.',
  'image-unknown': 'It could not be checked whether ECR has an image.',
  'operator-foreign':
    'External Secrets Operator is installed in a namespace or version that cannot be adopted.',
  'operator-helm': 'The operator was adopted, and its Helm release is still there.',
  'operator-kept': '`externalSecrets.install` is false, and the operator that `up` installed is still there.',
  'operator-unhealthy': 'A component of the operator is not running.',
  'operator-manifest': "The operator's YAML, with its checksum.",
  'operator-api': 'The installed operator does not serve the API versions that are needed.',
  'token-expiring': 'A pull secret expires soon and was not renewed.',
  'token-expired': 'A pull secret has expired.',
  'token-unknown': 'The expiry of a pull secret is unknown.',
  'sync-failed': 'The operator failed to renew or copy a secret.',
  'pull-secret-foreign': 'An unmanaged secret of that name exists.',
  'pull-secret-earlier':
    'A pull secret of an earlier `pullSecret.name` is still in use; `up` deletes it when nothing uses it.',
  'namespace-uncovered': 'A namespace has no pull secret.',
  'namespace-ignored': 'A namespace or service account is left alone on purpose.',
  'namespace-in-use': 'An excluded namespace still uses its copy of the pull secret, which stays until then.',
  'policy-unavailable':
    'The cluster does not serve MutatingAdmissionPolicy; new service accounts need `up` again.',
  'policy-unproven':
    'The admission policy did not work in a dry run, or could not be tried, and was removed.',
  'policy-left': 'The admission policy was not verified, and could not be removed when the run ended.',
  'pull-ending': 'Pods use images of this registry and cannot pull them again after `down`.',
  'left-behind': '`down` keeps this, because it is unmanaged or still in use.',
  'pull-failing': 'A pod cannot pull its image.',
  'pod-pull-secrets': 'A pod lists its own pull secrets, without the managed one.',
  'internet-image': 'A workload pulls an image from outside ECR.',
  'static-pod-image':
    "A static pod's image must be preloaded on the node, because pull secrets do not reach static pods.",
} as const satisfies Record<string, string>;

export type FindingCode = keyof typeof findingCodes;
