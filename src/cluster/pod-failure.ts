import { partitionOf } from '../clients/aws/partitions.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { newestMessage } from './events.ts';
import { operatorNamespace } from '../core/ownership.ts';
import { docsPage } from '../core/paths.ts';

/** Why a pod does not run, when waiting does not help. */
export interface PodFailure {
  readonly cause:
    | 'dns'
    | 'route'
    | 'tls'
    | 'credentials'
    | 'not-found'
    | 'platform'
    | 'disk-full'
    | 'invalid-name'
    | 'never-pull'
    | 'unknown-pull'
    | 'unschedulable'
    | 'crash';
  /** The message of the kubelet or scheduler, shortened. */
  readonly why: string;
  /** The image that cannot be pulled. */
  readonly image?: string;
  /** It is the pause image, which the container runtime pulls by itself before it starts any container of a pod. */
  readonly isPause?: true;
}

interface ContainerStatus {
  readonly image: string;
  readonly restartCount: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface Terminated {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}

interface PodStatus {
  readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

/** A first crash can be a race at startup; the kubelet waits longer after each one. */
const toleratedRestarts = 2;

/**
 * Finds out from the status of a pod, and from warnings about it, what prevents it from running.
 * @param warnings events; before 1.31 the kubelet reports the cause of a failed pull only there
 */
export function diagnosePod(pod: KubeObject, warnings: readonly KubeObject[] = []): PodFailure | undefined {
  const status = (pod['status'] ?? {}) as PodStatus;
  const unscheduled = status.conditions?.find(
    ({ type, status: value, reason }) =>
      type === 'PodScheduled' && value === 'False' && reason === 'Unschedulable',
  );
  if (unscheduled) return { cause: 'unschedulable', why: short(unscheduled.message ?? 'no node can run it') };
  const containers = containersOf(status);
  // Most pods of a large cluster.
  if (containers.every(({ state }) => state?.waiting === undefined)) return undefined;
  return (
    containers.map((container) => containerFailure(container, pod, warnings)).find(Boolean) ??
    pauseFailure(pod, warnings)
  );
}

/** Whether the kubelet has not created the containers of a pod yet. */
export function isBeingCreated({ status }: KubeObject): boolean {
  const { conditions = [], ...statuses } = (status ?? {}) as PodStatus;
  if (!containersOf(statuses).some(({ state }) => creationReasons.has(state?.waiting?.reason))) return false;
  // Containers also have these reasons while their images are pulled.
  const hasPause = conditions.some(
    ({ type, status: value }) => type === 'PodReadyToStartContainers' && value === 'True',
  );
  return !hasPause;
}

const creationReasons: ReadonlySet<string | undefined> = new Set(['ContainerCreating', 'PodInitializing']);

const containersOf = ({ initContainerStatuses = [], containerStatuses = [] }: PodStatus) => [
  ...initContainerStatuses,
  ...containerStatuses,
];

/** The errors of containerd, then that of CRI-O. */
const pauseErrors = [
  /^Failed to create pod sandbox: .*?failed to get sandbox image "([^"]+)": (?:failed to pull image "[^"]*": )?(.*)/s,
  /^Failed to create pod sandbox: .*?docker:\/\/(\S+): (.*)/s,
];

/** No status says that the pause image cannot be pulled. */
function pauseFailure(pod: KubeObject, warnings: readonly KubeObject[]): PodFailure | undefined {
  if (!isBeingCreated(pod)) return undefined;
  const message = newestWarning(pod, warnings, 'Failed to create pod sandbox') ?? '';
  for (const pattern of pauseErrors) {
    const [, image, text] = pattern.exec(message) ?? [];
    if (image === undefined || text === undefined) continue;
    const why = pullCause(text) ?? text;
    return { cause: classifyPull(why), why: short(why), image, isPause: true };
  }
  return undefined;
}

function containerFailure(
  { image, restartCount, state, lastState }: ContainerStatus,
  pod: KubeObject,
  warnings: readonly KubeObject[],
): PodFailure | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (imageReasons.test(reason)) {
    const text = pullCause(message) ?? pullWarning(pod, warnings) ?? message;
    const failing = volumeIn(message, image, pod) ?? image;
    return { cause: causeByReason[reason] ?? classifyPull(text), why: short(text || reason), image: failing };
  }
  if (reason === 'CrashLoopBackOff' && restartCount >= toleratedRestarts) {
    return { cause: 'crash', why: describeCrash(restartCount, lastState?.terminated) };
  }
  return undefined;
}

/** Why the kubelet does not have an image: pkg/kubelet/images/types.go of Kubernetes 1.36. */
const imageReasons =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|ImageInspectError|RegistryUnavailable|SignatureValidationFailed)$/;

interface PodVolumes {
  readonly volumes?: readonly { readonly image?: { readonly reference?: string } }[];
}

/**
 * The image of a volume that a message is about, if it is not about the container's own image. The kubelet reports it in
 * the status of the container.
 */
function volumeIn(message: string, own: string, { spec }: KubeObject): string | undefined {
  const { volumes = [] } = (spec ?? {}) as PodVolumes;
  // The runtime adds a host and a tag.
  const isAbout = (image: string): boolean =>
    [image, `${image}:latest`].some((name) => message.includes(`"${name}"`) || message.includes(`/${name}"`));
  if (isAbout(own)) return undefined;
  return volumes
    .flatMap(({ image }) => image?.reference ?? [])
    .find((reference) => reference !== '' && isAbout(reference));
}

/** What a pod waits for according to the kubelet; undefined when the kubelet reports nothing. */
export function waitOf(pod: KubeObject): string | undefined {
  const waits = containersOf((pod['status'] ?? {}) as PodStatus).map(({ state }) => state?.waiting);
  const { reason, message } = waits.find((wait) => wait?.reason !== undefined) ?? {};
  return reason === undefined ? undefined : short([reason, message].filter(Boolean).join(': '));
}

function describeCrash(restarts: number, last: Terminated = {}): string {
  const details = [
    last.reason,
    last.exitCode === undefined ? undefined : `exit code ${last.exitCode}`,
    last.message,
  ];
  return short([`it exited ${restarts + 1} times`, ...details.filter(Boolean)].join(', '));
}

/**
 * The last cause in a chain, for example `failed to pull and unpack image "…": failed to resolve reference "…": …`. CRI-O
 * from 1.33 on tries an image twice, the second time as an artifact, and can report both errors.
 */
function pullCause(message: string): string | undefined {
  const [ofCrio] =
    /(?:pinging container registry|reading manifest|requesting bearer token) .*?(?=; artifact err: |$)/s.exec(
      message,
    ) ?? [];
  if (ofCrio !== undefined) return ofCrio;
  const [, cause] =
    /failed to (?:pull|resolve)[^"]*"[^"]*": (?:failed to resolve reference "[^"]*": )?(.*)/s.exec(message) ??
    [];
  return cause;
}

function pullWarning(pod: KubeObject, warnings: readonly KubeObject[]): string | undefined {
  const newest = newestWarning(pod, warnings, 'Failed to pull');
  return newest === undefined ? undefined : (pullCause(newest) ?? newest);
}

/** The message of the newest warning about a pod that begins with a text. */
function newestWarning(
  { metadata }: KubeObject,
  warnings: readonly KubeObject[],
  start: string,
): string | undefined {
  const about = warnings.filter((event) => {
    const { involvedObject, message } = event as { involvedObject?: { uid?: string }; message?: string };
    return involvedObject?.uid === metadata.uid && message?.startsWith(start);
  });
  return newestMessage(about);
}

/** The kubelet does not try to pull for these reasons. */
const causeByReason: Readonly<Partial<Record<string, PodFailure['cause']>>> = {
  InvalidImageName: 'invalid-name',
  ErrImageNeverPull: 'never-pull',
};

/** The order matters: errors about credentials and platforms can also end with "not found". */
const pullCauses: readonly (readonly [PodFailure['cause'], RegExp])[] = [
  ['disk-full', /no space left on device|disk quota exceeded/i],
  ['dns', /no such host|server misbehaving|lookup \S+ on|name resolution/i],
  ['tls', /x509|certificate|tls: /i],
  ['credentials', /\b40[13]\b|unauthorized|forbidden|denied|no basic auth|authentication required/i],
  ['platform', /no match(ing manifest)? for|exec format/i],
  ['not-found', /not found|manifest unknown|name unknown/i],
  [
    'route',
    /dial tcp|connection refused|timeout|deadline exceeded|no route|unreachable|connection reset|EOF/i,
  ],
];

const classifyPull = (text: string): PodFailure['cause'] =>
  pullCauses.find(([, pattern]) => pattern.test(text))?.[0] ?? 'unknown-pull';

const maxLength = 240;
/** On one line, and cut: anyone who can change pods or log in them can write such texts. */
export const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
};

/** How to fix the failure. */
export function remedyFor(
  { cause, image = '', isPause }: PodFailure,
  { metadata, spec }: KubeObject,
  region: string,
): string {
  const { nodeName = '' } = (spec ?? {}) as { nodeName?: string };
  if (isPause) {
    return `Load ${image} onto node ${nodeName}, or write the files of ecr-bootstrap there: ${docsPage('tasks/nodes.md#a-node-joins')}`;
  }
  const pod = `-n ${metadata.namespace} ${metadata.name}`;
  const [host = ''] = image.split('/');
  const domain = `${region}.${partitionOf(region).domain}`;
  const endpoints = `${host}, api.ecr.${domain}, secretsmanager.${domain} and *.s3.${domain}`;
  switch (cause) {
    case 'dns':
      return `Let the nodes resolve and reach ${endpoints}. Use the VPC endpoints ecr.api, ecr.dkr, secretsmanager (with private DNS) and S3, or a proxy.`;
    case 'route':
      return `Allow the nodes to connect to port 443 of ${endpoints}, or configure a proxy for the container runtime.`;
    case 'tls':
      return `Install the certificate authority of ${host} in the trust store of every node.`;
    case 'credentials':
      return 'Run `ecr-bootstrap up --only image-puller,image-puller-key,pull-secret-bootstrap,registration`, which verifies the policy, the access key and the pull secret.';
    case 'not-found':
      return `Copy ${image} to ECR: ecr-bootstrap up --only repositories,operator-image,images`;
    case 'platform':
      return `Copy ${image} for the node's platform: set images.platforms: cluster and run \`ecr-bootstrap mirror\`.`;
    case 'disk-full':
      return `Make room on the disk of the node: kubectl describe node ${nodeName}`;
    case 'invalid-name':
      return `Correct the image of the container: kubectl edit pod ${pod}`;
    case 'never-pull':
      return `Load ${image} onto node ${nodeName}, or set imagePullPolicy: IfNotPresent.`;
    case 'unschedulable':
      return 'Check externalSecrets.nodeSelector and externalSecrets.resources. For a tainted node, add externalSecrets.tolerations: a control-plane node of kubeadm has the taint node-role.kubernetes.io/control-plane.';
    case 'crash':
      return `${metadata.namespace === operatorNamespace ? 'Check externalSecrets.env and the logs' : 'Check the logs'}: kubectl logs ${pod} --previous`;
    case 'unknown-pull':
      return `Check the pod: kubectl describe pod ${pod}`;
  }
}
