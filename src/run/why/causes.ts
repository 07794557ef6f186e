import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { isReconciled } from '../../cluster/coverage.ts';
import { isManaged } from '../../cluster/objects.ts';
import { type PodFailure, remedyFor, short } from '../../cluster/pod-failure.ts';
import { BootstrapError } from '../../core/errors.ts';
import { probeHost } from '../../core/ownership.ts';
import { docsPage } from '../../core/paths.ts';
import { fixIn } from '../../core/problems.ts';
import { tokenExpiry } from '../../external-secrets/tokens.ts';
import { managedByOthers } from '../../nodes/agents.ts';
import { asSentence } from '../../nodes/diff.ts';
import type { MissingImage } from '../../nodes/hosts.ts';
import { missedAccess, type MissedAccess } from '../../nodes/stuck-pods.ts';
import type { StoredImage } from '../../mirror/pulled-images.ts';
import {
  type AccessEvidence,
  type CheckedSecret,
  type Evidence,
  type ImageEvidence,
  isAbsent,
  isServing,
  known,
  type NodeEvidence,
  type PodEvidence,
} from './evidence.ts';

/** Why an image cannot be pulled, or a pod does not run. */
interface Explanation {
  readonly what: string;
  readonly why: string;
  /** One command where there is one. */
  readonly fix: string;
}

export interface FoundCause extends Explanation {
  /** For example `tag-missing`. Scripts may depend on it. */
  readonly id: string;
}

/** Undefined if the evidence does not show it. */
type Cause = (evidence: Evidence) => FoundCause | undefined;

/**
 * All causes. The first one that the evidence shows is the cause: an earlier one would also break a pod without the later
 * ones, or its fix is needed first.
 */
const causes: readonly Cause[] = [
  // The pod does not get as far as its images.
  onPod('unschedulable', (pod) =>
    pod.failure?.cause === 'unschedulable'
      ? {
          what: 'no node can run the pod; its image is not the problem',
          why: pod.failure.why,
          fix: describing(pod),
        }
      : undefined,
  ),
  onPod('pod-ended', endOf),
  cause('pods-refused', (evidence) =>
    evidence.refusal === undefined
      ? undefined
      : {
          what: `${evidence.subject} could not create a pod`,
          why: evidence.refusal,
          fix: describingOwner(evidence),
        },
  ),
  onNode('node-not-ready', (node) =>
    known(node.object) && !node.isReady
      ? {
          what: `node ${node.name} is not ready`,
          why: 'its kubelet does not report, so no pod starts there',
          fix: `kubectl describe node ${node.name}`,
        }
      : undefined,
  ),
  onPull('disk-full', ({ failure, image, node }) =>
    failure.cause === 'disk-full' || node?.hasDiskPressure
      ? {
          what: `the disk of node ${node?.name ?? ''} is full, so it cannot store ${image.name}`,
          why: failure.why,
          fix: `kubectl describe node ${node?.name ?? ''}`,
        }
      : undefined,
  ),
  onPull('pause-image', ofPause),
  onPod('crash', (pod) =>
    pod.failure?.cause === 'crash' || pod.wait?.startsWith('CrashLoopBackOff')
      ? {
          what: 'its container crashes; its image was pulled',
          why: pod.failure?.why ?? pod.wait ?? '',
          fix: `kubectl -n ${namespaceOf(pod)} logs ${pod.object.metadata.name} --all-containers --previous`,
        }
      : undefined,
  ),
  // The container runtime is not asked to pull.
  onImage('invalid-name', (image, evidence) =>
    image.invalid !== undefined || evidence.pod?.failure?.cause === 'invalid-name'
      ? {
          what: `"${image.name}" is not the name of an image`,
          why: image.invalid ?? evidence.pod?.failure?.why ?? '',
          fix: settingImage(evidence, undefined),
        }
      : undefined,
  ),
  onPull('never-pull', ({ failure, image, evidence, node }) =>
    failure.cause === 'never-pull'
      ? {
          what: `${image.name} is not on node ${node?.name ?? ''}, and imagePullPolicy is Never`,
          why: 'the kubelet never pulls it',
          fix: changing('Set imagePullPolicy: IfNotPresent', evidence),
        }
      : undefined,
  ),
  // The name leads elsewhere.
  onImage('other-registry', (image, evidence) =>
    known(image.route) === 'other-ecr'
      ? {
          what: `${image.name} is in ECR of another account or region`,
          why: `the pull secret is for another registry than ${image.host ?? ''}`,
          fix: inThisRegistry(image, evidence),
        }
      : undefined,
  ),
  onImage('registry-alias', (image, evidence) =>
    known(image.route) === 'alias'
      ? {
          what: `the pull secret does not cover ${image.name.split('/')[0] ?? ''}`,
          why: 'it is another name of this ECR registry, and the kubelet looks up credentials by host',
          fix: settingImage(evidence, image.instead),
        }
      : undefined,
  ),
  onImage('image-excluded', (image) =>
    image.isExcluded && isAbsent(image)
      ? {
          what: `images.exclude keeps ${image.name} out of ECR`,
          why: 'nodes without internet access can pull from ECR only',
          fix: `Remove it from images.exclude, then run: ecr-bootstrap mirror ${image.source ?? image.name}`,
        }
      : undefined,
  ),
  // The network.
  onPull('dns', ofNetwork('dns', 'cannot resolve')),
  onPull('route', ofNetwork('route', 'cannot reach')),
  onPull('tls', ofNetwork('tls', 'does not trust the certificate of')),
  // What ECR has.
  ofEcr('archived', 'archived', ({ stored }) => ({
    what: `ECR has archived ${nameIn(stored)}`,
    why: 'archived images cannot be pulled; restoring takes up to 20 minutes',
    fix: restoring(stored),
  })),
  ofEcr('repository-missing', 'no-repository', ({ stored, image }) => ({
    what: `ECR has no repository ${stored.repository}`,
    why: image.unavailable?.why ?? 'the image was never copied, or its repository was deleted',
    fix: copying(image),
  })),
  ofEcr('tag-missing', 'no-tag', ({ stored, image }) => ({
    what: `ECR does not have the tag ${stored.tag}`,
    why: image.unavailable?.why ?? `the repository ${stored.repository} exists, without this tag`,
    fix: copying(image),
  })),
  ofEcr('digest-missing', 'no-digest', ({ stored, image }) => ({
    what: `ECR does not have the digest ${stored.tag}`,
    why: image.unavailable?.why ?? `the repository ${stored.repository} exists, without this digest`,
    fix: copying(image),
  })),
  ofEcr('platform-missing', 'no-platform', ({ stored, image }) => ({
    what: `ECR has ${nameIn(stored)} without ${stored.platform ?? 'the platform of the node'}`,
    why:
      image.source === undefined ? 'it was pushed for other platforms' : 'it was copied for other platforms',
    fix: copyingPlatform(image),
  })),
  ofEcr('platform-unavailable', 'unavailable-platform', ({ stored }, evidence) => ({
    what: `${nameIn(stored)} does not exist for ${stored.platform ?? 'the platform of the node'}`,
    why: 'its source did not have it when it was copied',
    fix: changing('Add a nodeSelector on kubernetes.io/arch', evidence),
  })),
  // The node that pulls through the mirror.
  onMirror('node-without-agent', (node) =>
    node.access === undefined && known(node.object)
      ? {
          what: `node ${node.name} does not pull from ECR`,
          why: 'nodes.nodeSelector does not select it',
          fix: `Correct nodes.nodeSelector so that it selects ${node.name}, then run: ecr-bootstrap up --only node-access`,
        }
      : undefined,
  ),
  onMirror('node-skipped', (node) => (stateOf(node) === 'skipped' ? ofFinding(node) : undefined)),
  onMirror('mirror-ignored', (node) => (stateOf(node) === 'inactive' ? ofFinding(node) : undefined)),
  onMirror('files-of-others', (node) =>
    node.finding?.why.includes(managedByOthers) ? ofFinding(node) : undefined,
  ),
  supply(({ node, image }) => {
    const isOfNodes = image === undefined || known(image.route) === 'mirror';
    const isWithout =
      node && (known(node.isTokenRefused) === true || /failing|starting/.test(stateOf(node) ?? ''));
    return isOfNodes && isWithout ? 'nodes have no valid token' : undefined;
  }),
  onMirror('node-token-refused', (node) =>
    known(node.isTokenRefused) === true
      ? {
          what: `ECR refuses the token of node ${node.name}`,
          why: 'the files on all nodes contain this token',
          fix: 'ecr-bootstrap up',
        }
      : undefined,
  ),
  onMirror('agent-not-ready', (node) =>
    /^(failing|starting|new)$/.test(stateOf(node) ?? '') ? ofFinding(node) : undefined,
  ),
  // The node pulls from the internet.
  onImage('host-not-mirrored', notMirrored),
  onImage('internet-image', (image, evidence) =>
    known(image.route) === 'internet'
      ? {
          what: `${image.name} is pulled from the internet`,
          why: whyFromInternet(image),
          fix: settingImage(evidence, image.instead),
        }
      : undefined,
  ),
  // The pull secret.
  onPull('static-pod', ({ evidence, failure, image }) =>
    evidence.pod?.isStatic && failure.cause === 'credentials' && known(image.route) === 'ecr'
      ? {
          what: 'a static pod has no pull secret',
          why: `the kubelet pulls ${image.name} without credentials`,
          fix: `Use ${image.source ?? 'the public name'} in the manifest on the node, and let nodes pull from ECR: ecr-bootstrap up --only node-access`,
        }
      : undefined,
  ),
  onAccess('namespace-excluded', ({ exclusion, namespace, pullSecret }) =>
    exclusion === undefined
      ? undefined
      : {
          what: `namespace ${namespace} gets no pull secret`,
          why: exclusion,
          fix: exclusion.startsWith('its label')
            ? `kubectl label namespace ${namespace} ${exclusion.replace('its label ', '')}-`
            : `Remove ${namespace} from namespaces.exclude, or give its pods another pull secret than ${pullSecret}.`,
        },
  ),
  onAccess('own-pull-secrets', ownSecretsCause),
  onAccess('service-account-excluded', ({ account, namespace, pullSecret }) =>
    account.isExcluded && !account.lists.includes(pullSecret)
      ? {
          what: `service account ${namespace}/${account.name} does not list pull secret ${pullSecret}`,
          why: 'its label or serviceAccounts.exclude excludes it',
          fix: `Add ${pullSecret} to imagePullSecrets: kubectl -n ${namespace} edit serviceaccount ${account.name}`,
        }
      : undefined,
  ),
  supply((evidence) => {
    const managed = managedSecret(evidence);
    if (!managed || !evidence.access || isServing(managed, evidence.access.now)) return undefined;
    return known(managed.object)
      ? `namespace ${evidence.access.namespace} has no valid token`
      : `namespace ${evidence.access.namespace} has no pull secret`;
  }),
  onAccess('pull-secret-unmanaged', ({ namespace, pullSecret, now }, evidence) => {
    const managed = managedSecret(evidence);
    const secret = managed && known(managed.object);
    if (!secret || isServing(managed, now) || isReconciled(secret) || isManaged(secret)) return undefined;
    return {
      what: `Secret ${namespace}/${pullSecret} is not managed by ecr-bootstrap, and ECR does not accept it`,
      why: 'the operator does not renew it',
      fix: `ecr-bootstrap up --adopt 'Secret ${namespace}/${pullSecret}'`,
    };
  }),
  onAccess('pull-secret-missing', ({ namespace, pullSecret }, evidence) => {
    return managedSecret(evidence)?.object === undefined
      ? {
          what: `namespace ${namespace} has no pull secret ${pullSecret}`,
          why: 'the operator has not written it',
          fix: 'ecr-bootstrap up',
        }
      : undefined;
  }),
  onAccess('token-expired', ({ namespace, pullSecret, now }, evidence) => {
    const secret = knownSecret(evidence);
    return secret && (tokenExpiry(secret) ?? Infinity) <= now
      ? {
          what: `the token in Secret ${namespace}/${pullSecret} has expired`,
          why: 'the operator did not renew it in time',
          fix: 'ecr-bootstrap up',
        }
      : undefined;
  }),
  onAccess('token-refused', ({ namespace, pullSecret }, evidence) =>
    managedSecret(evidence)?.login === 'refused'
      ? {
          what: `ECR refuses the token in Secret ${namespace}/${pullSecret}`,
          why: 'its access key was disabled, deleted, or lost its permissions',
          fix: 'ecr-bootstrap up',
        }
      : undefined,
  ),
  onAccess('pull-secret-other-registry', ({ namespace, pullSecret }, evidence) =>
    knownSecret(evidence) && managedSecret(evidence)?.login === undefined
      ? {
          what: `Secret ${namespace}/${pullSecret} has no login for this registry`,
          why: 'it was written for another registry',
          fix: 'ecr-bootstrap up',
        }
      : undefined,
  ),
  onAccess('service-account-unlisted', ({ account, namespace, pullSecret, listed }) =>
    known(account.object) && !account.lists.includes(pullSecret) && !listed.includes(pullSecret)
      ? {
          what: `service account ${namespace}/${account.name} does not list pull secret ${pullSecret}`,
          why: 'its pods have no credentials for ECR',
          fix: 'ecr-bootstrap up --only service-accounts',
        }
      : undefined,
  ),
  // Everything is in place now.
  missed('created-before-service-account', 'service-account', 'its service account listed the pull secret'),
  missed('created-before-pull-secret', 'pull-secret', 'its namespace had the pull secret'),
  missed('created-before-node-access', 'node-access', 'its node pulled from ECR'),
  onPull('platform', ({ failure, image, node }) =>
    failure.cause === 'platform'
      ? {
          what: `${image.name} does not exist for the platform of node ${node?.name ?? ''}`,
          why: failure.why,
          fix: copyingPlatform(image),
        }
      : undefined,
  ),
  onPull('retry', ({ failure, image, evidence }) =>
    isInPlace(evidence)
      ? {
          what: `nothing prevents pulling ${image.name} now; the kubelet has not tried again yet`,
          why: `its last attempt failed: ${failure.why}`,
          fix: recreating(evidence),
        }
      : undefined,
  ),
  onPull('pull-failed', ({ failure, image, pod }) => ({
    what: `${image.name} cannot be pulled`,
    why: failure.why,
    fix: describing(pod),
  })),
  onPod('pod-waiting', waiting),
];

/** The cause that the evidence shows first. */
export function causeOf(evidence: Evidence): FoundCause | undefined {
  for (const cause of causes) {
    const found = cause(evidence);
    if (found) return found;
  }
  return undefined;
}

function cause(id: string, explain: (evidence: Evidence) => Explanation | undefined): Cause {
  return (evidence) => {
    const explanation = explain(evidence);
    return explanation && { id, ...explanation };
  };
}

function onPod(id: string, explain: (pod: PodEvidence) => Explanation | undefined): Cause {
  return cause(id, ({ pod }) => pod && explain(pod));
}

function onNode(
  id: string,
  explain: (node: NodeEvidence, evidence: Evidence) => Explanation | undefined,
): Cause {
  return cause(id, (evidence) => evidence.node && explain(evidence.node, evidence));
}

function onImage(
  id: string,
  explain: (image: ImageEvidence, evidence: Evidence) => Explanation | undefined,
): Cause {
  return cause(id, (evidence) => evidence.image && explain(evidence.image, evidence));
}

/** A pull that the kubelet reports as failed. */
interface FailedPull {
  readonly failure: PodFailure;
  readonly image: ImageEvidence;
  readonly pod: PodEvidence;
  readonly node: NodeEvidence | undefined;
  readonly evidence: Evidence;
}

function onPull(id: string, explain: (pull: FailedPull) => Explanation | undefined): Cause {
  return cause(id, (evidence) => {
    const { pod, image, node } = evidence;
    if (pod?.failure?.image === undefined || !image) return undefined;
    return explain({ failure: pod.failure, image, pod, node, evidence });
  });
}

/** An image that is pulled from ECR, under its own name or another one. */
function ofEcr(
  id: string,
  state: StoredImage['state'],
  explain: (pull: { stored: StoredImage; image: ImageEvidence }, evidence: Evidence) => Explanation,
): Cause {
  return onImage(id, (image, evidence) => {
    const stored = known(image.inEcr);
    // An image that no pod uses has no node.
    const isPulledFromEcr = /^(ecr|mirror)$/.test(known(image.route) ?? '') || evidence.pod === undefined;
    return stored?.state === state && isPulledFromEcr ? explain({ stored, image }, evidence) : undefined;
  });
}

/** A node that should pull from ECR under public names. */
function onMirror(id: string, explain: (node: NodeEvidence) => Explanation | undefined): Cause {
  return onNode(id, (node, { image }) => {
    const isUsed = image === undefined || known(image.route) === 'mirror';
    return isUsed && (known(node.mirrored) ?? []).length > 0 ? explain(node) : undefined;
  });
}

function onAccess(
  id: string,
  explain: (access: AccessEvidence, evidence: Evidence) => Explanation | undefined,
): Cause {
  return cause(id, (evidence) => evidence.access && explain(evidence.access, evidence));
}

const supplyIds: Readonly<Record<string, string>> = {
  'image-puller': 'image-puller',
  'image-puller-key': 'access-key',
  operator: 'operator',
  'pull-secret-refresh': 'renewal',
  'pull-secret-bootstrap': 'renewal',
  'pull-secret-distribution': 'distribution',
};

/** The deepest reason why a token is missing. @param problem says what is missing, if something is */
function supply(problem: (evidence: Evidence) => string | undefined): Cause {
  return (evidence) => {
    const [first] = evidence.supply;
    const what = problem(evidence);
    if (!first || what === undefined) return undefined;
    const { finding, step } = first;
    return {
      id: supplyIds[step] ?? step,
      what: `${what}: ${finding.what}`,
      why: finding.why,
      fix: fixIn(finding),
    };
  };
}

function missed(id: string, wanted: MissedAccess, before: string): Cause {
  return onPull(id, ({ failure, image, pod, node, evidence }) => {
    const { access, registryHost = '' } = evidence;
    const managed = managedSecret(evidence);
    const isMirrored = known(image.route) === 'mirror' && stateOf(node) === 'active';
    const found = missedAccess(pod.object, failure, {
      registryHost,
      isMirrored,
      pullSecret: access?.pullSecret ?? '',
      accountSecrets: access?.account.lists ?? [],
      secretCreated: managed && known(managed.object)?.metadata.creationTimestamp,
    });
    if (found !== wanted) return undefined;
    return {
      what: `the pod was created before ${before}`,
      why: wanted === 'service-account' ? 'a pod keeps the pull secrets that it was created with' : whyLater,
      fix: recreating(evidence),
    };
  });
}

const whyLater = 'the kubelet tries again within five minutes; a new pod pulls at once';

const namespaceOf = (pod: PodEvidence): string => pod.object.metadata.namespace ?? '';

const describing = (pod: PodEvidence): string =>
  `kubectl -n ${namespaceOf(pod)} describe pod ${pod.object.metadata.name}`;

function describingOwner(evidence: Evidence): string {
  const { kind = '', namespace = '', name = '' } = ownerOf(evidence) ?? {};
  return `kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}`;
}

interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
}

const statusOf = ({ object }: PodEvidence): PodStatus => object['status'] ?? {};

function endOf(pod: PodEvidence): Explanation | undefined {
  const { phase, reason = 'Failed', message = 'the kubelet gives no reason' } = statusOf(pod);
  if (phase !== 'Failed') return undefined;
  return { what: `the pod has ended: ${reason}`, why: short(message), fix: describing(pod) };
}

function waiting(pod: PodEvidence): Explanation | undefined {
  if (pod.isRunning || statusOf(pod).phase === 'Succeeded') return undefined;
  if (pod.object.metadata.deletionTimestamp !== undefined) {
    return {
      what: 'the pod is being deleted',
      why: 'its kubelet has not ended it yet',
      fix: describing(pod),
    };
  }
  return {
    what: 'the pod is not ready; its image is not the problem',
    why: pod.warning ?? pod.wait ?? 'the kubelet reports no problem',
    fix: describing(pod),
  };
}

/** What names the image: the controller of the pod, the named object, or the first workload with the image. */
function ownerOf({ pod, subject, users }: Evidence): Owner | undefined {
  if (pod) {
    const { kind, name } = pod.workload ?? { kind: 'Pod', name: pod.object.metadata.name };
    return { kind, name, namespace: namespaceOf(pod) };
  }
  const named = [subject, ...users].map((text) => /^(\w+) ([^/ ]+)\/([^/ ]+)$/.exec(text)).find(Boolean);
  const [, kind, namespace, name] = named ?? [];
  return kind !== undefined && namespace !== undefined && name !== undefined
    ? { kind, namespace, name }
    : undefined;
}

interface Owner {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** How to change another field than the image. @param change `Set imagePullPolicy: IfNotPresent` */
function changing(change: string, evidence: Evidence): string {
  const { pod } = evidence;
  const owner = ownerOf(evidence);
  if (!owner) return `${change}.`;
  const { kind, namespace, name } = owner;
  if (pod?.isStatic) return `${change} in the static pod's manifest on node ${nodeOf(pod)}`;
  if (kind === 'Job') return `${change} in a new Job: its template cannot change.`;
  if (kind !== 'Pod') return `${change}: kubectl -n ${namespace} edit ${kind.toLowerCase()} ${name}`;
  // Kubernetes allows no such change of a pod.
  const file = `${name}.yaml`;
  return `Write the pod to a file: kubectl -n ${namespace} get pod ${name} -o yaml >${file}. ${change} there, then run: kubectl replace --force -f ${file}`;
}

const nodeOf = ({ object }: PodEvidence): string =>
  ((object['spec'] ?? {}) as { readonly nodeName?: string }).nodeName ?? '';

/** Kinds whose image `kubectl set image` can change. */
const settable = /^(Pod|ReplicationController|Deployment|DaemonSet|ReplicaSet|StatefulSet|CronJob)$/;

/** How to change the image. @param to undefined if there is no reference that would work */
function settingImage(evidence: Evidence, to: string | undefined): string {
  const { pod, image } = evidence;
  const { kind = '', namespace = '', name = '' } = ownerOf(evidence) ?? {};
  const container = pod?.isStatic ? undefined : image?.container;
  if (to !== undefined && container !== undefined && settable.test(kind))
    return `kubectl -n ${namespace} set image ${kind.toLowerCase()}/${name} ${container}=${to}`;
  const change = to === undefined ? 'Change the image' : `Change the image to ${to}`;
  // Of a pod, only the images of containers can change.
  return kind === 'Pod' && container !== undefined
    ? `${change}: kubectl -n ${namespace} edit pod ${name}`
    : changing(change, evidence);
}

/** The command that creates the pod again. */
function recreating({ pod }: Evidence): string {
  if (!pod) return '';
  const target = `-n ${namespaceOf(pod)}`;
  const { name } = pod.object.metadata;
  if (pod.workload) return `kubectl ${target} delete pod ${name}`;
  return `kubectl ${target} get pod ${name} -o yaml | kubectl replace --force -f -`;
}

const copyingPlatform = ({ source }: ImageEvidence): string =>
  source === undefined
    ? 'Push it for this platform too; it is not a copy of another registry.'
    : `ecr-bootstrap mirror --platform cluster ${source}`;

function copying({ source, unavailable, host }: ImageEvidence): string {
  if (unavailable) return unavailable.hint;
  // `up` makes this copy of another image, and `mirror` refuses it.
  if (host === probeHost) return 'ecr-bootstrap up';
  return source === undefined
    ? 'Push it to ECR again; it is not a copy of another registry.'
    : `ecr-bootstrap mirror ${source}`;
}

const nameIn = ({ repository, tag }: StoredImage): string =>
  `${repository}${tag.includes(':') ? '@' : ':'}${tag}`;

const restoring = ({ hint = '' }: StoredImage): string =>
  /`(aws ecr update-image-storage-class [^`]+)`/.exec(hint)?.[1] ?? hint;

const stateOf = (node: NodeEvidence | undefined) => node && known(node.access)?.state;

function ofFinding({ finding }: NodeEvidence): Explanation | undefined {
  return finding && { what: finding.what, why: finding.why, fix: fixIn(finding) };
}

/** Of a pause image, which a node pulls without a pull secret and without a pod whose reference could be changed. */
function ofPause({ failure, image, pod, node, evidence }: FailedPull): Explanation | undefined {
  if (!failure.isPause) return undefined;
  const name = node?.name ?? '';
  const what = `node ${name} cannot pull the pause image ${image.name}, which every pod needs`;
  const { isPause: _, ...plain } = failure;
  const found = causeOf({ ...evidence, pod: { ...pod, failure: plain } });
  const hasMirror = known(image.route) === 'mirror' || typeof upstreamHost(image) === 'object';
  if (found && hasMirror) return { what, why: `${found.what}: ${found.why}`, fix: found.fix };
  return {
    what,
    why: failure.why,
    fix: `Load it onto ${name}: ${docsPage('tasks/kubeadm.md#static-pods-and-the-pause-image')}`,
  };
}

const upstreamHost = ({ upstream }: ImageEvidence) => upstream && known(upstream);

/** Of an image that nodes pull from the internet although they shall pull from ECR. */
function notMirrored(image: ImageEvidence, { users }: Evidence): Explanation | undefined {
  const { host = '' } = image;
  const upstream = upstreamHost(image);
  const what = `nodes do not pull ${host} from ECR yet`;
  if (upstream === 'unlisted') {
    return {
      what,
      why: 'nodes.hosts does not list it',
      fix: `Add ${host} to nodes.hosts, then run: ecr-bootstrap up`,
    };
  }
  if (typeof upstream !== 'object' || upstream.isMirrored) return undefined;
  const { missing, pending } = upstream;
  const itself = missing.find((one) => one.image === image.source);
  const first = itself ?? missing[0];
  if (first) {
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    return {
      what: `nodes do not pull ${host} from ECR because of ${itself ? 'this image' : first.image}${others}`,
      why: first.why,
      fix: `${asSentence(first.hint)} Then run: ecr-bootstrap up`,
    };
  }
  if (pending.length > 0)
    return { what, why: `ECR does not have ${namesOf(pending)}`, fix: 'ecr-bootstrap up' };
  return users.length > 0
    ? { what, why: 'it is not in the files on nodes', fix: 'ecr-bootstrap up' }
    : {
        what,
        why: 'no workload uses an image of it',
        fix: `Add ${image.source ?? image.name} to images.list, then run: ecr-bootstrap up`,
      };
}

const maxNames = 3;

function namesOf(images: readonly MissingImage[]): string {
  const names = images.slice(0, maxNames).map(({ image }) => image);
  return `${names.join(', ')}${images.length > maxNames ? ` and ${images.length - maxNames} more` : ''}`;
}

function whyFromInternet({ upstream, inEcr }: ImageEvidence): string {
  if (upstream === undefined) return 'nodes.access is off, so only names in ECR are pulled from ECR';
  if (upstream instanceof BootstrapError) return `${upstream.what}: ${upstream.why}`;
  return typeof upstream === 'object'
    ? `its name in ECR is ${known(inEcr)?.repository ?? 'another one'}, and nodes ask for another one`
    : 'nodes pull only registries with a domain name and without a port from ECR';
}

/** Errors of the network to ECR. Others mean that the node tries the registry itself. */
function ofNetwork(
  wanted: PodFailure['cause'],
  problem: string,
): (pull: FailedPull) => Explanation | undefined {
  return ({ failure, image, pod, node, evidence: { registryHost = '', region } }) => {
    const route = known(image.route);
    const isOfEcr = route === 'ecr' || (route === 'mirror' && failure.why.includes(registryHost));
    if (failure.cause !== wanted || !isOfEcr) return undefined;
    return {
      what: `node ${node?.name ?? ''} ${problem} ${registryHost}`,
      why: failure.why,
      fix: remedyFor({ ...failure, image: `${registryHost}/` }, pod.object, region),
    };
  };
}

function managedSecret({ access }: Evidence): CheckedSecret | undefined {
  return access?.secrets.find(({ name }) => name === access.pullSecret);
}

function knownSecret(evidence: Evidence): KubeObject | undefined {
  const managed = managedSecret(evidence);
  return managed && known(managed.object);
}

/** The same name in the project's registry, or a copy of the image there. */
function inThisRegistry(image: ImageEvidence, evidence: Evidence): string {
  const { name, inEcr, instead } = image;
  const { registryHost, project } = evidence;
  const path = name.slice(name.indexOf('/') + 1);
  if (path.startsWith(`${project}/`))
    return settingImage(evidence, registryHost && `${registryHost}/${path}`);
  return known(inEcr)?.state === 'present' ? settingImage(evidence, instead) : copying(image);
}

/** A list that is not from the service account, and none of whose secrets ECR accepts. */
function ownSecretsCause(
  { listed, account, secrets, pullSecret }: AccessEvidence,
  evidence: Evidence,
): Explanation | undefined {
  const isOwn = listed.some((name) => !account.lists.includes(name));
  if (!isOwn || listed.includes(pullSecret)) return undefined;
  const own = secrets.filter(({ name }) => listed.includes(name));
  const problems = own.map((secret) => [secret.name, problemOf(secret)] as const);
  if (problems.some(([, problem]) => problem === undefined)) return undefined;
  const [name = '', problem = ''] = problems[0] ?? [];
  return {
    what: `the pod uses its own pull secret ${name} instead of ${pullSecret}`,
    why: problem,
    fix: changing(`Add ${pullSecret} to imagePullSecrets, or remove that list`, evidence),
  };
}

/** Why ECR does not accept a secret; undefined if it does, or if that is unknown. */
function problemOf({ object, login }: CheckedSecret): string | undefined {
  if (object instanceof BootstrapError || login instanceof BootstrapError || login === 'accepted')
    return undefined;
  if (!object) return 'this Secret does not exist';
  return login === 'refused' ? 'ECR refuses its token' : 'it has no login for this registry';
}

/** Whether everything that a pull needs works now. */
function isInPlace(evidence: Evidence): boolean {
  const { image, node, access } = evidence;
  if (!image || known(image.inEcr)?.state !== 'present') return false;
  if (known(image.route) === 'mirror') return stateOf(node) === 'active';
  return (
    access?.secrets.some(({ name, login }) => access.listed.includes(name) && login === 'accepted') ?? false
  );
}
