/**
 * Every error and finding that can be shown, in one place: the reference in the docs is generated from here.
 * `exit` is the process's exit code when the error ends a run: 1 failed, 2 usage, configuration or preflight.
 */
export const errorCodes = {
  usage: { exit: 2, about: 'The command line is not one that this program understands.' },
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
    about: 'A configuration file that was only found names a kubeconfig that would run a program.',
  },
  'sandbox-untrusted': {
    exit: 2,
    about: 'Another user could have written what a running sandbox left for commands in other terminals.',
  },
  'file-missing': {
    exit: 2,
    about: 'A file named on the command line or in the configuration is not there.',
  },
  'file-exists': { exit: 2, about: 'A file would be overwritten; nothing was written.' },
  'file-unwritable': { exit: 2, about: 'A file named on the command line cannot be written.' },
  'reference-invalid': { exit: 2, about: 'An image reference does not follow the grammar of references.' },
  'repository-name-invalid': { exit: 2, about: 'A name is refused by the grammar of ECR repositories.' },
  'platform-unknown': { exit: 2, about: 'The wanted platforms are unknown or not written as os/arch.' },
  'credentials-missing': { exit: 2, about: 'No AWS credentials were found, or they are wrong or expired.' },
  'credentials-expired': {
    exit: 1,
    about: 'The AWS credentials expired during the run; the next run goes on.',
  },
  'account-mismatch': {
    exit: 2,
    about: 'The caller belongs to another account than the configuration demands.',
  },
  'region-invalid': { exit: 2, about: 'The region is missing or does not exist.' },
  'aws-unreachable': { exit: 2, about: 'An AWS endpoint does not answer.' },
  'aws-denied': { exit: 1, about: 'AWS refused an action to the caller.' },
  'aws-failed': { exit: 1, about: 'AWS refused or failed a request.' },
  'cluster-unconfigured': { exit: 2, about: 'No usable kubeconfig or context was found.' },
  'cluster-unreachable': { exit: 2, about: 'The Kubernetes API does not answer or refuses the credentials.' },
  'cluster-denied': { exit: 2, about: 'The Kubernetes API does not allow what the selected steps need.' },
  'cluster-failed': { exit: 1, about: 'The Kubernetes API refused or failed a request.' },
  'tls-untrusted': { exit: 2, about: 'A server showed a certificate that no trusted authority signed.' },
  'proxy-invalid': { exit: 2, about: 'A proxy setting is not a URL.' },
  'docker-unreachable': { exit: 2, about: 'The Docker engine that was asked for does not answer.' },
  'docker-failed': { exit: 1, about: 'The Docker engine failed a pull, tag or push.' },
  'manifest-unusable': { exit: 2, about: "The operator's YAML cannot be fetched or is not that of v0.12.1." },
  'patch-mismatch': { exit: 2, about: "A patch of the operator's YAML did not match as often as it must." },
  'registry-unreachable': { exit: 1, about: 'A registry does not answer.' },
  'registry-failed': { exit: 1, about: 'A registry refused or failed a request.' },
  'address-refused': {
    exit: 1,
    about:
      'A registry is on this computer or its local link, and only the cluster names it, or another registry sends there.',
  },
  'registry-denied': { exit: 1, about: 'A registry refuses the credentials, or wants some.' },
  'image-missing': { exit: 1, about: 'The source registry has no such image.' },
  'image-platform-missing': { exit: 1, about: 'The image does not exist for a wanted platform.' },
  'image-inaccessible': {
    exit: 1,
    about: 'ECR has the image and does not give it, for example because it is archived.',
  },
  'image-unsupported': {
    exit: 1,
    about: 'The manifest is of a kind that is not supported, or larger than ECR takes.',
  },
  'image-corrupt': { exit: 1, about: 'What a registry sent does not match its digest or length.' },
  'mirror-incomplete': { exit: 1, about: 'Some images could not be mirrored; the others were.' },
  incomplete: {
    exit: 1,
    about: 'Some members of a set, such as namespaces, failed; everything else is done.',
  },
  foreign: {
    exit: 2,
    about: 'Something exists under our names and is not ours; `up` tells how to take it over.',
  },
  blocked: {
    exit: 2,
    about: 'The plan holds a finding that has to be dealt with first; nothing was changed.',
  },
  'confirmation-needed': {
    exit: 2,
    about: 'The plan has changes, there is no terminal to ask on, and --yes is missing.',
  },
  'version-older': {
    exit: 2,
    about: 'A newer version of ecr-bootstrap configured the cluster or the project; nothing was changed.',
  },
  'plan-changed': { exit: 1, about: 'On the way the plan came to hold a delete that had not been shown.' },
  'step-failed': { exit: 1, about: 'Changes of a step failed; the steps after it did not run.' },
  'not-ready': { exit: 1, about: 'What was applied did not begin to work before the deadline.' },
  'key-unproven': {
    exit: 1,
    about: 'A new access key was not accepted before the deadline; the next run goes on.',
  },
  'key-still-accepted': {
    exit: 1,
    about: 'AWS still accepted a disabled access key after ten minutes, so no new one was created.',
  },
  locked: { exit: 2, about: 'Another run holds the lease on this cluster.' },
  'lease-lost': {
    exit: 1,
    about: 'The lease on this cluster was lost during the run; the next run goes on.',
  },
  interrupted: {
    exit: 130,
    about: 'The run was interrupted. Run the same command again; it resumes where it stopped.',
  },
  timeout: { exit: 1, about: 'The time given by --timeout has passed.' },
  bug: { exit: 70, about: 'An error that this program did not foresee.' },
} as const satisfies Record<string, { exit: number; about: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** What `status` and plans can find. */
export const findingCodes = {
  unseen: 'This part could not be looked at.',
  'in-order': 'This part is as it should be.',
  drift: 'Something is not as configured; `up` repairs it.',
  'change-refused': 'The cluster refuses a change that `up` would make.',
  foreign: 'Something of that name exists and is not ours; `up --adopt` takes it over.',
  'user-foreign': 'An IAM user of that name exists and belongs to another project.',
  'user-unmanaged': 'The configuration says that this user is made elsewhere, and it is not as it must be.',
  'path-differs': 'An IAM user or policy has another path than configured, which `up` does not change.',
  'user-excess': 'Somebody gave our user a policy, group or key that is not ours.',
  'needs-administrator': 'Only an administrator can fix this.',
  'version-older': 'A newer version of ecr-bootstrap configured a cluster of the project.',
  'setting-kept': 'A setting is no longer in the configuration, and existing resources keep its value.',
  'setup-differs': 'The cluster is set up for another project, region or account than configured.',
  'former-user': 'A user of earlier settings still exists, or its secrets do.',
  'secret-foreign': 'A secret of that name exists in Secrets Manager and belongs to another project.',
  'key-limit': 'The user already has two access keys that are not ours.',
  'key-old': 'The access key is older than 90 days.',
  'key-refused': 'The access key in the secrets is refused.',
  'key-disabled': 'The current access key is disabled; `up` creates a new one.',
  'pulls-interrupted': '`rotate --force` interrupts pulls until every namespace has a new pull secret.',
  'key-unknown':
    'Whether an access key is managed is unknown while the secret that lists the managed keys cannot be read.',
  'key-unfinished': 'An earlier run stopped while it made the access key; `up` finishes it.',
  'key-in-use': 'The access key is used by something other than this cluster.',
  'key-kept': 'The key that the last rotation disabled is still kept, and IAM allows a user only two.',
  'secret-pair-torn': 'The stored key id and secret are not of one write.',
  'repository-foreign': 'The repository exists and is not ours; it is used and not changed.',
  'repository-unknown': 'The settings of a repository could not be read.',
  'repository-encryption': 'The repository has another encryption than configured, which cannot be changed.',
  'repository-setting': 'A repository has a newer value of a setting, which is left as it is.',
  'repository-unneeded':
    'A repository of the project holds no image that the configuration or the cluster needs.',
  'creation-rule': 'A rule of the registry can create repositories of the project, or could not be read.',
  'resource-policy': 'A resource to adopt has a policy that grants access to others, or could not be read.',
  'region-unsupported': 'The installed version of External Secrets does not know the region.',
  'registration-full': 'AWS allows no further tag on the secret that lists the clusters.',
  'registry-alias': 'A workload names this ECR by a host that the pull secret does not cover.',
  'lifecycle-risk': 'A lifecycle policy can remove images in use, or could not be judged.',
  'image-unresolved': 'An image was not found at its source, or its source refuses it.',
  'platform-unavailable': 'The source does not have an image for the platform of some nodes.',
  'platform-odd': 'A node reports a platform for which no image can exist; it is skipped.',
  'image-unknown': 'ECR could not be asked whether it has an image.',
  'operator-foreign':
    'External Secrets Operator is installed where, or in a version that, cannot be adopted.',
  'operator-helm': 'The operator was adopted, and its Helm release is still there.',
  'operator-kept': '`externalSecrets.install` is false, and the operator that `up` installed is still there.',
  'operator-unhealthy': 'A part of the operator does not run.',
  'operator-manifest': "The operator's YAML, with its checksum.",
  'operator-api': 'The installed operator does not serve the API versions that are needed.',
  'token-expiring': 'A pull secret is close to its end and was not renewed.',
  'token-expired': 'A pull secret is over.',
  'token-unknown': 'It cannot be told how long a pull secret lasts.',
  'sync-failed': 'The operator failed to renew or copy a secret.',
  'pull-secret-foreign': 'A secret of that name is kept by something that is not ours.',
  'pull-secret-earlier':
    'A pull secret of an earlier `pullSecret.name` is still in use; `up` deletes it when it is not.',
  'namespace-uncovered': 'A namespace has no pull secret.',
  'namespace-ignored': 'A namespace or service account is left alone on purpose.',
  'namespace-in-use': 'An excluded namespace still uses its copy of the pull secret, which stays until then.',
  'policy-unavailable':
    'The cluster does not serve MutatingAdmissionPolicy; new service accounts need `up` again.',
  'policy-unproven':
    'The admission policy did not work in a dry run, or could not be tried, and was taken away.',
  'policy-left': 'The admission policy was not proved, and could not be taken away when the run ended.',
  'pull-ending': 'Pods use images of this ECR and will not pull them again after `down`.',
  'left-behind': '`down` leaves this, because it is not ours or others use it.',
  'pull-failing': 'A pod cannot pull its image.',
  'pod-pull-secrets': 'A pod lists pull secrets of its own and not ours.',
  'internet-image': 'A workload names an image outside this ECR.',
  'static-pod-image': 'An image of static pods, which has to be on the node: no pull secret reaches them.',
} as const satisfies Record<string, string>;

export type FindingCode = keyof typeof findingCodes;
