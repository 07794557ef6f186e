/**
 * All error codes. The reference in the docs is generated from this table.
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
