/**
 * All error codes. The reference in the docs is generated from this table.
 * `exit` is the process's exit code when the error ends a run: 1 failed, 2 usage, configuration or preflight.
 */
export const errorCodes = {
  usage: {
    exit: 2,
    about: 'The command line has an unknown command, flag or value.',
    fix: 'Run the command with `--help`.',
  },
  'config-unreadable': {
    exit: 2,
    about: 'The configuration file cannot be read or is not YAML.',
    fix: 'Correct the file, or its path in `--config` or `ECR_BOOTSTRAP_CONFIG`. `ecr-bootstrap init` writes a new file.',
  },
  'config-invalid': {
    exit: 2,
    about: 'The configuration has an unknown key or a value that is not allowed.',
    fix: 'Correct the key that the error shows. [Configuration](configuration.md) lists all keys and their values.',
  },
  'config-untrusted': {
    exit: 2,
    about: 'Another user could have written the configuration file that was found in the working folder.',
    fix: 'Read the file, then pass it with `-c FILE`. Or run the `chmod` command that the error shows.',
  },
  'kubeconfig-untrusted': {
    exit: 2,
    about:
      'A configuration file found in the working folder refers to a kubeconfig that would run a program.',
    fix: 'Check which program it would run, then pass the kubeconfig with `--kubeconfig FILE`.',
  },
  'sandbox-untrusted': {
    exit: 2,
    about: 'Another user could have changed the files through which commands find a running sandbox.',
    fix: 'Delete the folder that the error shows, or set `XDG_RUNTIME_DIR` to a folder that only you can open.',
  },
  'file-missing': {
    exit: 2,
    about: 'A file that the command line or the configuration names does not exist.',
    fix: 'Correct the path of the file.',
  },
  'file-exists': {
    exit: 2,
    about: 'The file already exists; nothing was written.',
    fix: 'Overwrite the file with `--force`, or write another file.',
  },
  'file-unwritable': {
    exit: 2,
    about: 'A file that the command line names cannot be written.',
    fix: 'Choose another path, or correct the permissions of the folder.',
  },
  'output-lost': {
    exit: 1,
    about:
      'Standard output could not be written, for example because a disk is full. The run itself continued.',
    fix: 'Free some space, or write to another file, and run the command again.',
  },
  'reference-invalid': {
    exit: 2,
    about: 'An image reference is not valid.',
    fix: 'Write `HOST/PATH:TAG` or `HOST/PATH@sha256:DIGEST`, for example `ghcr.io/team/app:1.2`.',
  },
  'manifests-invalid': {
    exit: 2,
    about: 'A file of Kubernetes manifests has no objects, or has something that kubectl would not apply.',
    fix: 'Pass rendered manifests, for example the output of `helm template` or `kustomize build`.',
  },
  'repository-name-invalid': {
    exit: 2,
    about: 'The name of an image is not valid as the name of an ECR repository.',
    fix: 'Add the line that the error shows to `images.map`.',
  },
  'platform-unknown': {
    exit: 2,
    about: 'The platforms to mirror are unknown, or not written as os/arch.',
    fix: 'Pass `--platform linux/amd64` or other platforms, or check that the cluster is reachable.',
  },
  'credentials-missing': {
    exit: 2,
    about: 'No AWS credentials were found, or they are wrong or expired.',
    fix: 'Run `aws sso login` or `aws configure`, or choose a profile with `--profile`. Check with `aws sts get-caller-identity`.',
  },
  'credentials-expired': {
    exit: 1,
    about: 'The AWS credentials expired during the run.',
    fix: 'Renew the credentials, for example with `aws sso login`, then run the same command again.',
  },
  'account-mismatch': {
    exit: 2,
    about: 'The credentials belong to another AWS account than the configured one.',
    fix: 'Use other credentials with `--profile`, or correct `aws.accountId`.',
  },
  'region-invalid': {
    exit: 2,
    about: 'The region is missing or does not exist.',
    fix: 'Pass `--region REGION`, or set `aws.region`.',
  },
  'aws-unreachable': {
    exit: 2,
    about: 'An AWS endpoint is unreachable.',
    fix: 'Check the network and DNS. Behind a proxy, check `HTTPS_PROXY` and `NO_PROXY`.',
  },
  'aws-denied': {
    exit: 1,
    about: 'AWS denied an action.',
    fix: 'Ask an administrator to allow the action. `ecr-bootstrap policy` prints the policies that are needed.',
  },
  'aws-failed': {
    exit: 1,
    about: 'AWS rejected a request or returned an error.',
    fix: 'Correct what AWS reports, then run the same command again. If AWS throttled the request or failed, wait a few minutes first.',
  },
  'cluster-unconfigured': {
    exit: 2,
    about: 'No usable kubeconfig or context was found.',
    fix: 'Pass `--kubeconfig FILE` and `--context NAME`, or set `KUBECONFIG`.',
  },
  'cluster-unreachable': {
    exit: 2,
    about: 'The Kubernetes API is unreachable or rejected the credentials.',
    fix: 'Check the server and the login with `kubectl get namespaces`. Behind a proxy, check `HTTPS_PROXY` and `NO_PROXY`.',
  },
  'cluster-denied': {
    exit: 2,
    about: 'The kubeconfig lacks permissions that the selected steps need.',
    fix: 'Ask an administrator to apply the output of `ecr-bootstrap policy cluster --user NAME`.',
  },
  'cluster-failed': {
    exit: 1,
    about: 'The Kubernetes API rejected a request or returned an error.',
    fix: 'Correct what the API server reports, for example a quota or a webhook, then run the same command again.',
  },
  'tls-untrusted': {
    exit: 2,
    about: "A server's certificate is not signed by a trusted authority.",
    fix: 'If a proxy of your organization inspects TLS, set `NODE_EXTRA_CA_CERTS` to its CA certificate. Otherwise check DNS, the proxy settings and the clock.',
  },
  'proxy-invalid': {
    exit: 2,
    about: 'A proxy setting is not a URL.',
    fix: 'Set the variable to a URL, for example `http://proxy.example.com:3128`, or unset it.',
  },
  'docker-unreachable': {
    exit: 2,
    about: 'The Docker engine is unreachable.',
    fix: 'Start Docker, or set `DOCKER_HOST`. To copy without Docker, pass `--engine registry`.',
  },
  'docker-failed': {
    exit: 1,
    about: 'The Docker engine failed a pull, tag or push.',
    fix: 'Correct what the engine reports. To copy without Docker, pass `--engine registry`.',
  },
  'node-mirror-inactive': {
    exit: 1,
    about: 'A node does not pull from ECR.',
    fix: 'Follow the fix that the output shows for the node; [Nodes](../tasks/nodes.md) has the lines for each container runtime.',
  },
  'manifest-unusable': {
    exit: 2,
    about: "The operator's YAML could not be downloaded, or is not that of v0.12.1.",
    fix: 'Download `external-secrets.yaml` of release v0.12.1 on a machine with internet access, then pass it with `--manifest`.',
  },
  'patch-mismatch': {
    exit: 2,
    about: "A patch did not match the operator's YAML.",
    fix: 'Use the unchanged `external-secrets.yaml` of release v0.12.1.',
  },
  'registry-unreachable': {
    exit: 1,
    about: 'A registry is unreachable.',
    fix: 'Check the network and the host of the registry. Behind a proxy, check `HTTPS_PROXY` and `NO_PROXY`.',
  },
  'registry-failed': {
    exit: 1,
    about: 'A registry rejected a request or returned an error.',
    fix: 'Run the same command again. If it fails again, report it to the operators of the registry.',
  },
  'address-not-allowed': {
    exit: 1,
    about:
      'A registry that you did not list has a local address. Only the cluster or another registry refers to it.',
    fix: 'If you trust the host, add one of its images to `images.list`. Otherwise add the image to `images.exclude`.',
  },
  'registry-denied': {
    exit: 1,
    about: 'A registry rejected the credentials or requires a login.',
    fix: 'Run `docker login HOST`, and check that this login may pull the image.',
  },
  'object-missing': {
    exit: 1,
    about: 'The cluster does not have the object that `why` is asked about, and no workload uses the image.',
    fix: 'Check the name, and the namespace in `-n`.',
  },
  'image-missing': {
    exit: 1,
    about: 'The source registry does not have the image.',
    fix: 'Check the name and the tag of the image.',
  },
  'image-platform-missing': {
    exit: 1,
    about: 'The image does not exist for a platform that is needed.',
    fix: 'Choose available platforms with `--platform` or `images.platforms`, or exclude the image with `images.exclude`.',
  },
  'image-inaccessible': {
    exit: 1,
    about: 'ECR has the image but cannot return it, for example because it is archived.',
    fix: 'Check the status of the image with the command that the error shows. Restore it if it is archived.',
  },
  'image-unsupported': {
    exit: 1,
    about: 'The type of the manifest is not supported, or the manifest is larger than ECR accepts.',
    fix: 'Build the image again with a current tool, mirror one platform of it, or exclude it with `images.exclude`.',
  },
  'image-corrupt': {
    exit: 1,
    about: 'The content that a registry sent, or that a folder has, does not match its digest or length.',
    fix: 'Run the same command again. If it fails again, report it to the operators of the source registry. Copy a folder again.',
  },
  'layout-invalid': {
    exit: 2,
    about: 'A folder is not an OCI image layout, or its index cannot be read.',
    fix: 'Check the path. If the folder was copied, copy it again, or complete it with `mirror --to`.',
  },
  'layout-unwritable': {
    exit: 1,
    about: 'An OCI image layout cannot be written, for example because the disk is full.',
    fix: 'Free some space, then run the same command again. It adds only what is missing.',
  },
  'mirror-incomplete': {
    exit: 1,
    about: 'Some images could not be mirrored; the others were.',
    fix: 'Fix the error of each image, then run the same command again. Images already copied are skipped.',
  },
  'use-unknown': {
    exit: 2,
    about: 'It is unknown which images are in use, for example by another cluster, so none is deleted.',
    fix: 'Get the permissions that the error names. For other clusters, pass their lists with [`--keep`](../tasks/mirror-images.md#delete-unused-images).',
  },
  'prune-incomplete': {
    exit: 1,
    about: 'Some unused images could not be deleted; the others were.',
    fix: 'Follow the reason of each image, then run the same command again. It deletes what is left.',
  },
  incomplete: {
    exit: 1,
    about: 'Some items, for example namespaces, failed; everything else is done.',
    fix: 'Fix the error of each item, then run the same command again.',
  },
  unmanaged: {
    exit: 2,
    about: 'A resource already exists and is not managed by ecr-bootstrap.',
    fix: '[Adopt the resource](../tasks/adopt-resources.md), delete it, or configure another name.',
  },
  blocked: {
    exit: 2,
    about: 'A finding must be fixed first; nothing was changed.',
    fix: 'Follow the fix that the error shows, then run the same command again.',
  },
  'confirmation-needed': {
    exit: 2,
    about: 'The plan has changes, and there is no terminal to confirm them.',
    fix: 'Review the plan with `--dry-run`, then run the command with `--yes`.',
  },
  'version-older': {
    exit: 2,
    about: 'A newer version of ecr-bootstrap configured the cluster or the project; nothing was changed.',
    fix: 'Install that version or a newer one; the error shows the command.',
  },
  'plan-changed': {
    exit: 1,
    about:
      'The plan is not the one that was confirmed: its digest differs, or it now includes another deletion.',
    fix: 'Run the same command again and review the new plan.',
  },
  'step-failed': {
    exit: 1,
    about: 'Changes of a step failed; the steps after it did not run.',
    fix: 'Fix the errors of the step, then run the same command again; it resumes where it stopped.',
  },
  'not-ready': {
    exit: 1,
    about: 'A resource did not become ready in time.',
    fix: 'Follow the fix that the error shows. `ecr-bootstrap status` may show the cause.',
  },
  'key-unverified': {
    exit: 1,
    about: 'AWS did not accept a new access key in time.',
    fix: 'Run the same command again. If AWS rejects the key again, check the policies of the image puller and of your organization.',
  },
  'key-still-accepted': {
    exit: 1,
    about: 'AWS still accepted a disabled access key after ten minutes, so no new one was created.',
    fix: 'Run the same command again. If it fails again, check that `aws iam list-access-keys` shows the old key as `Inactive`.',
  },
  locked: {
    exit: 2,
    about: 'Another run holds the lease on this cluster.',
    fix: 'Wait for that run to end, then run the same command again.',
  },
  'lease-lost': {
    exit: 1,
    about: 'The lease on this cluster was lost during the run.',
    fix: 'Run the same command again when no other run is active.',
  },
  interrupted: {
    exit: 130,
    about: 'The run was interrupted, for example with Ctrl-C.',
    fix: 'Run the same command again; it resumes where it stopped.',
  },
  timeout: {
    exit: 1,
    about: 'The command did not finish within `--timeout`.',
    fix: 'Run the same command again with a longer `--timeout`; it resumes where it stopped.',
  },
  bug: {
    exit: 70,
    about: 'An internal error occurred.',
    fix: 'Report it with the output of the same command with `-v`.',
  },
} as const satisfies Record<string, { readonly exit: number; readonly about: string; readonly fix: string }>;

export type ErrorCode = keyof typeof errorCodes;
