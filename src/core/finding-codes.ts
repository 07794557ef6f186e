import type { Group } from './groups.ts';

/** The levels of findings, the worst first. `unknown` means that the check could not run. */
export const findingLevels = ['failed', 'unknown', 'warning', 'ok'] as const;

export type FindingLevel = (typeof findingLevels)[number];

export interface FindingDescription {
  readonly level: FindingLevel;
  readonly about: string;
  readonly fix: string;
  /** The group of the finding, if it is not that of the step that reports it. */
  readonly group?: Group;
  /** The title of a problem of all groups, which screens show first. */
  readonly title?: string;
  /** Several findings in one sentence: `of` things, of which `text` is true, with a fix for all of them. */
  readonly many?: { readonly of: string; readonly text: string; readonly fix?: string };
}

/** Every finding that `status` and plans can report. docs/reference/errors.md is generated from this table. */
export const findingCodes = {
  'not-checked': {
    level: 'unknown',
    about: 'A check could not run.',
    fix: 'Fix the cause that the finding shows, for example an unreachable API, then check again.',
  },
  ok: { level: 'ok', about: 'A check found no problem.', fix: 'Nothing to do.' },
  drift: {
    level: 'failed',
    about: 'A resource differs from the configuration; `up` repairs it.',
    fix: 'Run `ecr-bootstrap up`.',
  },
  'not-set-up': {
    level: 'failed',
    about: '`up` has not run for this cluster. Screens do not list what it would create.',
    fix: 'Run `ecr-bootstrap up`. `ecr-bootstrap up --dry-run` shows what it does.',
    title: 'Setup',
  },
  'change-rejected': {
    level: 'failed',
    about: 'The cluster rejects a change that `up` would make.',
    fix: 'Change the webhook or policy that rejects it, or exclude the object as the finding shows.',
    many: { of: 'objects', text: 'cannot be changed, because the cluster rejects the change' },
  },
  unmanaged: {
    level: 'failed',
    about: 'A resource already exists and is not managed by ecr-bootstrap.',
    fix: '[Adopt the resource](../tasks/adopt-resources.md), delete it, or configure another name.',
    many: { of: 'resources', text: 'already exist and are not managed by ecr-bootstrap' },
  },
  'user-conflict': {
    level: 'failed',
    about: 'An IAM user or policy with the configured name belongs to another project.',
    fix: 'Set `users.powerUser.name` or `users.imagePuller.name` to another name.',
  },
  'user-incomplete': {
    level: 'failed',
    about: '`manage` is false for a user, and the user does not exist or has no permissions.',
    fix: 'Ask the owner of the user to attach the policy that `ecr-bootstrap policy` prints.',
  },
  'path-differs': {
    level: 'failed',
    about: 'The path of an IAM user or policy differs from the configuration; `up` does not change paths.',
    fix: 'Have an administrator change the path, or set the path of the user in the configuration.',
  },
  'user-extra-access': {
    level: 'warning',
    about: 'A managed user has unexpected policies, groups or access keys.',
    fix: 'If it is not needed, remove it with the command that the finding shows.',
  },
  'needs-administrator': {
    level: 'warning',
    about: 'Only an administrator can fix this.',
    fix: 'Have an administrator run the command that the finding shows.',
  },
  'version-older': {
    level: 'warning',
    about: 'A newer version of ecr-bootstrap configured a cluster of the project.',
    fix: 'Install that version or a newer one.',
  },
  'setting-kept': {
    level: 'ok',
    about: 'A setting was removed from the configuration; existing resources keep its value.',
    fix: 'Set it explicitly, or change the existing resources with the command that the finding shows.',
  },
  'setup-differs': {
    level: 'failed',
    about: 'The cluster is set up for another project, region or account than configured.',
    fix: 'Correct the configuration. To move the cluster, first run `ecr-bootstrap down` with the earlier project and region.',
  },
  'former-user': {
    level: 'warning',
    about: 'An IAM user of an earlier configuration still exists, or its secrets do.',
    fix: 'Run `ecr-bootstrap up` for each cluster that still uses it. Then delete it with the command that the finding shows.',
  },
  'secret-conflict': {
    level: 'failed',
    about: 'A secret with the configured name belongs to another project.',
    fix: 'Set `users.imagePuller.name` to another name.',
  },
  'node-unsupported': {
    level: 'failed',
    about: 'The program runs on a version of Node.js that it does not support.',
    fix: 'Install Node.js 24.',
  },
  'aws-permissions-missing': {
    level: 'failed',
    about:
      'The policies of the AWS caller do not allow actions that `up` needs, as a simulation by AWS shows.',
    fix: 'Ask an administrator to attach the policy that the command in the finding prints.',
  },
  'clock-wrong': {
    level: 'warning',
    about: 'The clock of this computer differs from the clock of AWS by more than a minute.',
    fix: 'Synchronize the clock, on Linux with `timedatectl set-ntp true`.',
  },
  'blob-mounting-off': {
    level: 'warning',
    about: 'ECR stores a layer once for every repository that has it, so `up` uploads it several times.',
    fix: 'Set `aws.blobMounting: true`, or turn on the account setting `BLOB_MOUNTING` with the command that the finding shows.',
  },
  'runtime-unsupported': {
    level: 'warning',
    about: 'The container runtime of a node cannot use the files that send its pulls to ECR.',
    fix: 'Upgrade it to containerd 1.7 or newer. See [Nodes](../tasks/nodes.md).',
  },
  'key-limit': {
    level: 'failed',
    about: 'A new access key cannot be created: IAM allows two per user, and one of them is unmanaged.',
    fix: 'Delete the access key that is not used, with the command that the finding shows.',
  },
  'key-old': {
    level: 'warning',
    about: 'The access key is older than 90 days.',
    fix: 'Run `ecr-bootstrap rotate`.',
  },
  'key-rejected': {
    level: 'failed',
    about: 'AWS rejects the stored access key.',
    fix: 'Run `ecr-bootstrap up`, which replaces it with a working key.',
    group: 'aws',
  },
  'key-disabled': {
    level: 'failed',
    about: 'The current access key is disabled; `up` creates a new one.',
    fix: 'Run `ecr-bootstrap up`. Never enable a leaked key again.',
  },
  'pulls-interrupted': {
    level: 'warning',
    about: '`rotate --force` interrupts pulls until every namespace has a new pull secret.',
    fix: 'Let the run finish. If it is interrupted, run `ecr-bootstrap up`.',
  },
  'key-unknown': {
    level: 'unknown',
    about:
      'It is unknown whether an access key is managed, because the secret that lists the managed keys cannot be read.',
    fix: 'Run `ecr-bootstrap up`, or let the caller read the secret. Until then, do not delete the key.',
  },
  'key-unfinished': {
    level: 'warning',
    about: 'A rotation was interrupted, and the replaced access key still works.',
    fix: 'Run `ecr-bootstrap rotate`, which resumes the rotation.',
  },
  'key-in-use': {
    level: 'failed',
    about: 'Another cluster of the project uses the access key, or may use it.',
    fix: 'For each other cluster, run the command that the finding shows. If a cluster no longer exists, remove its registration.',
  },
  'key-kept': {
    level: 'warning',
    about:
      '`rotate` cannot create a new key yet: it keeps the last disabled key for 12 hours, and IAM allows two keys per user.',
    fix: 'Wait until the time that the finding shows, then run `ecr-bootstrap rotate`. For a leaked key, run `ecr-bootstrap rotate --force` now.',
  },
  'key-pair-mismatch': {
    level: 'failed',
    about: 'The stored key ID and secret do not match, because an earlier write was interrupted.',
    fix: 'Run `ecr-bootstrap up`, which stores a matching pair.',
    group: 'aws',
  },
  'repository-unmanaged': {
    level: 'ok',
    about: 'An existing repository is not managed by ecr-bootstrap; it is used but not changed.',
    fix: 'Nothing to do. To let ecr-bootstrap manage its settings, run `up --adopt` as the finding shows.',
  },
  'repository-unknown': {
    level: 'failed',
    about: 'The settings of a repository could not be read.',
    fix: 'Follow the fix that the finding shows, for example to get a missing permission.',
    many: { of: 'repositories', text: 'could not be read' },
  },
  'repository-encryption': {
    level: 'warning',
    about: 'The encryption of a repository differs from the configuration; ECR cannot change it.',
    fix: 'Keep it, or delete the repository with its images and run `ecr-bootstrap up`.',
    many: { of: 'repositories', text: 'have another encryption than configured' },
  },
  'repository-setting': {
    level: 'ok',
    about: 'A repository has a setting that ecr-bootstrap does not manage; `up` does not change it.',
    fix: 'Nothing to do. To let ecr-bootstrap manage the setting again, run the command that the finding shows.',
  },
  'repository-unused': {
    level: 'ok',
    about: 'A repository of the project has no image that the cluster uses or the configuration lists.',
    fix: 'Nothing to do. If no workload uses its images, delete it with the command that the finding shows.',
  },
  'creation-rule': {
    level: 'warning',
    about:
      'A pull through cache rule or creation template can create repositories in the project, or the rules and templates could not be read.',
    fix: 'Choose another prefix for the rule or template, or another project name.',
  },
  'resource-policy': {
    level: 'warning',
    about: 'A resource to adopt has a policy that grants access to others, or could not be read.',
    fix: 'Check the policy before you adopt the resource; the finding shows the command that prints it.',
  },
  'region-unsupported': {
    level: 'failed',
    about: 'External Secrets Operator v0.12.1 does not know the region.',
    fix: 'Use another region. ECR, IAM and `ecr-bootstrap mirror` work in this one.',
  },
  'registration-full': {
    level: 'failed',
    about: 'The secret that registers clusters by its tags has the maximum number of tags.',
    fix: 'Remove the registration of a cluster that no longer exists, or use another project for this cluster.',
  },
  'registry-alias': {
    level: 'warning',
    about: 'A workload pulls from this registry by a host name that the pull secret does not cover.',
    fix: 'Change the reference to the one that the finding shows.',
    group: 'workloads',
    many: { of: 'images', text: 'are pulled from a host that the pull secret does not cover' },
  },
  'lifecycle-risk': {
    level: 'warning',
    about: 'A lifecycle policy can remove images in use, or could not be checked.',
    fix: 'Change or remove the rule of the policy, or check which images it selects.',
    many: { of: 'repositories', text: 'have a lifecycle policy that can remove images in use' },
  },
  'image-unresolved': {
    level: 'failed',
    about: 'An image was not found at its source, or its source denied access.',
    fix: 'Correct or exclude the reference, or log in to the registry.',
    many: { of: 'images', text: 'could not be mirrored' },
  },
  'platform-unavailable': {
    level: 'warning',
    about: 'An image is not available for the platform of some nodes.',
    fix: 'Add a `nodeSelector` on `kubernetes.io/arch` to the workload.',
    many: { of: 'images', text: 'are not available for the platform of some nodes' },
  },
  'platform-invalid': {
    level: 'warning',
    about: 'A node reports a platform that no image can have; the node is skipped.',
    fix: 'Check what the node reports with the command that the finding shows. To choose platforms, set `images.platforms`.',
  },
  'images-unread': {
    level: 'warning',
    about: 'Some objects or fields that name images could not be read, so their images are not copied.',
    fix: 'Apply the output of `ecr-bootstrap policy cluster`, or correct `images.fields`.',
  },
  'image-unknown': {
    level: 'failed',
    about: 'It is unknown whether ECR has an image.',
    fix: 'Follow the fix that the finding shows, for example to restore an archived image.',
    many: { of: 'images', text: 'could not be looked up in ECR' },
  },
  'operator-conflict': {
    level: 'failed',
    about:
      'External Secrets Operator is already installed, and this version of ecr-bootstrap cannot adopt it.',
    fix: 'Set `externalSecrets.install: false` to use that operator. Or uninstall one that is older, and keep its CRDs.',
  },
  'operator-helm': {
    level: 'warning',
    about: 'The operator was adopted, and its Helm release still exists.',
    fix: 'Remove the record of the Helm release with the command that the finding shows.',
  },
  'operator-kept': {
    level: 'warning',
    about: '`externalSecrets.install` is false, and the operator that `up` installed still runs.',
    fix: 'Set `externalSecrets.install: true`, or run `ecr-bootstrap down` before you install another operator.',
  },
  'operator-unhealthy': {
    level: 'failed',
    about: 'A component of the operator is not running.',
    fix: 'Run `ecr-bootstrap up`. If the component still does not run, use the `kubectl` command that the finding shows.',
    group: 'operator',
  },
  'operator-manifest': {
    level: 'ok',
    about: "The plan shows the operator's YAML with its checksum.",
    fix: 'Nothing to do. To pin the YAML, set `externalSecrets.sha256`.',
  },
  'operator-api': {
    level: 'failed',
    about: 'The cluster does not serve API versions of External Secrets Operator that are needed.',
    fix: 'Install an operator with all of its CRDs, or set `externalSecrets.install: true`.',
  },
  'token-expiring': {
    level: 'warning',
    about: 'A pull secret expires soon and was not renewed.',
    fix: 'Run `ecr-bootstrap up`, which renews it. Other findings may show the cause.',
    group: 'tokens',
    many: { of: 'pull secrets', text: 'expire soon' },
  },
  'token-expired': {
    level: 'failed',
    about: 'A pull secret has expired.',
    fix: 'Run `ecr-bootstrap up`, which renews it. Other findings may show the cause.',
    group: 'tokens',
    many: { of: 'pull secrets', text: 'have expired' },
  },
  'token-unknown': {
    level: 'unknown',
    about: 'It is unknown when a pull secret expires, or whether the registry accepts it.',
    fix: 'Run `ecr-bootstrap up`. If the registry could not be reached, check the network and the proxy settings.',
    group: 'tokens',
    many: { of: 'pull secrets', text: 'have an unknown expiry' },
  },
  'sync-failed': {
    level: 'failed',
    about: 'The operator failed to renew or copy a secret.',
    fix: 'Follow the fix that the finding shows, or check the logs of the operator.',
    many: { of: 'objects', text: 'are not synced' },
  },
  'pull-secret-unmanaged': {
    level: 'failed',
    about: 'An unmanaged secret with the name of the pull secret exists.',
    fix: 'Adopt the secret, delete it, or set another `pullSecret.name`.',
    many: { of: 'namespaces', text: 'have an unmanaged Secret with the name of the pull secret' },
  },
  'former-pull-secret': {
    level: 'warning',
    about:
      'A pull secret of an earlier `pullSecret.name` is still in use; `up` deletes it when nothing uses it.',
    fix: 'Recreate the pods, and replace the old name in the objects that the finding lists. Then run `ecr-bootstrap up`.',
  },
  'namespace-uncovered': {
    level: 'failed',
    about: 'A namespace has no pull secret.',
    fix: 'Run `ecr-bootstrap up`; it waits for the operator and reports what blocks it.',
    many: { of: 'namespaces', text: 'have no pull secret' },
  },
  'namespace-ignored': {
    level: 'ok',
    about: 'A namespace or service account is excluded.',
    fix: 'Nothing to do.',
  },
  'namespace-in-use': {
    level: 'warning',
    about: 'An excluded namespace still uses its copy of the pull secret, which is therefore kept.',
    fix: 'Use another pull secret in the workloads that the finding lists, and recreate the pods. Then run `ecr-bootstrap up`.',
    many: { of: 'namespaces', text: 'are excluded and still use their copy of the pull secret' },
  },
  'policy-unavailable': {
    level: 'warning',
    about: 'The cluster does not serve MutatingAdmissionPolicy; new service accounts need `up` again.',
    fix: 'Run `ecr-bootstrap up --only service-accounts` after you create namespaces, and after `kubeadm upgrade`.',
  },
  'policy-unverified': {
    level: 'warning',
    about: 'An admission policy could not be verified with a dry run, and was deleted.',
    fix: 'Run `ecr-bootstrap up` again. If it fails again, set `serviceAccounts.policy: off` or `images.warnings: off`, whichever the policy is for.',
  },
  'policy-not-removed': {
    level: 'failed',
    about: 'An admission policy could not be verified, and could not be deleted either.',
    fix: 'Delete the policy with the `kubectl` command that the finding shows, then run `ecr-bootstrap up`.',
  },
  'image-warnings-unavailable': {
    level: 'ok',
    about:
      'The cluster does not serve ValidatingAdmissionPolicy, so `kubectl` does not warn about images that ECR does not have.',
    fix: 'Upgrade to Kubernetes 1.30 or later, or set `images.warnings: off`.',
  },
  'image-warnings-inactive': {
    level: 'warning',
    about:
      'The API server does not use the present list of images, so `kubectl` warns about the wrong images, or about none. An API server reads no new lists after the policy was deleted and created again, as by `down` and `up`, until it restarts.',
    fix: 'Restart the API server on each control-plane node: `crictl ps --name kube-apiserver -q | xargs crictl stop`. The kubelet starts it again.',
  },
  'image-list-outdated': {
    level: 'warning',
    about:
      'The list from which the cluster knows what ECR has is outdated, so `kubectl` warns about the wrong images. `mirror` and `images --prune` update it when they reach the cluster. What was copied for another cluster is missing until `up`.',
    fix: 'Run `ecr-bootstrap up --only image-warnings`.',
  },
  'image-list-too-long': {
    level: 'warning',
    about:
      'The images of a registry do not fit into the list in the cluster (10,000 tags, and 1 MiB for each registry), so `kubectl` does not warn about missing images of that registry.',
    fix: 'Delete images that no workload uses from ECR.',
  },
  'image-access-lost': {
    level: 'warning',
    about: 'Running pods lose access to their images after `down`.',
    fix: 'To keep these pods running, first give them another registry or pull secret.',
  },
  'left-behind': {
    level: 'warning',
    about: '`down` keeps a resource, because it is unmanaged or still in use.',
    fix: 'If it is not needed, delete it with the command that the finding shows.',
  },
  'pull-failing': {
    level: 'failed',
    about: 'A pod cannot pull its image.',
    fix: 'Run `ecr-bootstrap why pod/NAME -n NAMESPACE`, which shows the cause and its fix. [Troubleshooting](../operations/troubleshooting.md) has common causes.',
    many: { of: 'pods', text: 'cannot pull their image' },
  },
  'pod-stuck': {
    level: 'warning',
    about: '`up --restart-stuck` does not recreate a pod that is older than its access to ECR.',
    fix: 'Recreate the pod or its Job yourself. `ecr-bootstrap why` shows the command.',
    many: { of: 'pods', text: 'are older than their access to ECR, and are not recreated' },
  },
  'pod-pull-secrets': {
    level: 'warning',
    about: 'A pod lists its own pull secrets, without the managed one.',
    fix: 'Add the pull secret to `imagePullSecrets` of the pod template, or remove that list.',
    many: { of: 'workloads', text: 'do not use the pull secret of their service account' },
  },
  'internet-image': {
    level: 'warning',
    about: 'A workload pulls an image from the internet.',
    fix: 'Change the reference to the name in ECR that `ecr-bootstrap images` shows.',
    group: 'workloads',
    many: { of: 'images', text: 'are pulled from the internet', fix: 'ecr-bootstrap images --outside' },
  },
  'host-not-mirrored': {
    level: 'warning',
    about:
      'Nodes still pull from a registry on the internet, because ECR lacks some images of that registry that the cluster uses.',
    fix: 'Copy the images that the finding lists, or stop using them, then run `ecr-bootstrap up`.',
    many: { of: 'registries', text: 'are still used, because ECR lacks some of their images' },
  },
  'mirrored-image-missing': {
    level: 'warning',
    about: 'Nodes pull the images of a registry from ECR, and ECR may lack one that the cluster uses.',
    fix: 'Copy it with `ecr-bootstrap mirror IMAGE`.',
    many: { of: 'images', text: 'are missing in ECR, from which nodes pull them' },
  },
  'node-mirror-inactive': {
    level: 'failed',
    about: 'The container runtime of a node does not use the files that send its pulls to ECR.',
    fix: 'Make the changes that the finding shows on the node, then restart its container runtime once. See [Nodes](../tasks/nodes.md).',
    many: { of: 'nodes', text: 'do not pull from ECR' },
  },
  'node-agent-starting': {
    level: 'warning',
    about: 'The agent of a node started less than a minute ago. `status --wait` waits for it.',
    fix: 'Wait a minute, then check again.',
    many: { of: 'nodes', text: 'have an agent that is starting' },
  },
  'node-agent-unready': {
    level: 'failed',
    about: 'The agent of a node cannot keep the files that send its pulls to ECR.',
    fix: 'Remove the cause that the finding shows; the agent continues by itself.',
    many: { of: 'nodes', text: 'have an agent that is not ready' },
  },
  'node-token-refused': {
    level: 'failed',
    about:
      'ECR refuses the token on nodes, for example because the access key was disabled. Nodes cannot pull new images.',
    fix: 'Run `ecr-bootstrap up`, which writes a working token and never uses a disabled key.',
  },
  'node-skipped': {
    level: 'warning',
    about:
      'A node does not pull from ECR, because it is not ready or does not run Linux. Or `nodes.nodeSelector` selects no node.',
    fix: 'Repair the node, or exclude it with `nodes.nodeSelector`. If the selector selects no node, correct it.',
    many: { of: 'nodes', text: 'do not pull from ECR' },
  },
  'node-files-left': {
    level: 'warning',
    about:
      'A node keeps the files that send its pulls to ECR, because `up` or `down` could not remove them there.',
    fix: 'Run the output of `ecr-bootstrap render node --remove` as root on the node.',
  },
  'static-pod-image': {
    level: 'ok',
    about:
      "A static pod's image must be preloaded on the node, because pull secrets do not reach static pods.",
    fix: 'Before an upgrade, [preload the image](../tasks/kubeadm.md#static-pods-and-the-pause-image) on the node, or let the node [pull from ECR](../tasks/nodes.md).',
    group: 'workloads',
  },
} as const satisfies Record<string, FindingDescription>;

export type FindingCode = keyof typeof findingCodes;
