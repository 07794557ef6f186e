import { annotations, operatorDeployments, operatorNamespace as namespace } from '../../core/ownership.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isActive } from '../../cluster/workloads.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { type FailingPod, recreatePods } from '../../cluster/failing-pods.ts';
import { diagnosePod, type PodFailure, remedyFor } from '../../cluster/pod-failure.ts';

export const [controller, certController, webhook] = operatorDeployments;

/** One Deployment of the operator. */
export interface Component {
  readonly name: string;
  readonly isMissing: boolean;
  /** Its pods, without finished and terminating ones. */
  readonly pods: readonly KubeObject[];
  /** The pods of the current pod template. */
  readonly current: readonly KubeObject[];
}

export async function readComponents(
  cluster: ClusterPort,
  names: readonly string[] = operatorDeployments,
): Promise<readonly Component[]> {
  const [deployments, pods] = await Promise.all([
    cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, { namespace }),
    cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }),
  ]);
  return names.map((name) => {
    const active = pods.filter(
      (pod) => pod.metadata.labels?.['app.kubernetes.io/name'] === name && isActive(pod),
    );
    const deployment = deployments.find(({ metadata }) => metadata.name === name);
    return {
      name,
      isMissing: deployment === undefined,
      pods: active,
      current: active.filter((pod) => isCurrent(pod, deployment)),
    };
  });
}

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image: string }[] };
}

/** Compares image and settings: a repair changes one of them, and the state of older pods is irrelevant then. */
function isCurrent(pod: KubeObject, deployment: KubeObject | undefined): boolean {
  const template = (deployment?.['spec'] as { template?: Template } | undefined)?.template;
  const { containers = [] } = (pod['spec'] ?? {}) as NonNullable<Template['spec']>;
  const settings = annotations.settingsDigest;
  return (
    template?.metadata?.annotations?.[settings] === pod.metadata.annotations?.[settings] &&
    (template?.spec?.containers ?? []).every(({ name, image }) =>
      containers.some((container) => container.name === name && container.image === image),
    )
  );
}

export const isRunning = (pod: KubeObject): boolean => {
  const { containerStatuses = [] } = (pod['status'] ?? {}) as {
    containerStatuses?: { state?: { running?: unknown } }[];
  };
  return containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.running !== undefined);
};

/** Pods that waiting does not help. Events are read only when there are any. */
export async function findFailingPods(
  cluster: ClusterPort,
  components: readonly Component[],
): Promise<readonly FailingPod[]> {
  const all = components.flatMap(({ current }) => current);
  const failing = all.filter((pod) => diagnosePod(pod) !== undefined);
  if (failing.length === 0) return [];
  const events = await cluster.list(
    { apiVersion: 'v1', kind: 'Event' },
    { namespace, fieldSelector: 'type=Warning' },
  );
  return failing.flatMap((pod) => {
    const failure = diagnosePod(pod, events);
    return failure ? [{ pod, failure }] : [];
  });
}

/**
 * Ends the run when waiting cannot help.
 * @throws BootstrapError `not-ready`
 */
export async function refuseFailingPods(
  { cluster, config }: ExternalSecretsContext,
  components: readonly Component[],
): Promise<void> {
  const [first] = await findFailingPods(cluster, components);
  if (first === undefined) return;
  throw new BootstrapError({
    code: 'not-ready',
    what: `could not start pod ${namespace}/${first.pod.metadata.name}`,
    why: describeFailure(first.failure),
    hint: `${remedyFor(first.failure, first.pod, config.aws.region)}${first.failure.image === undefined ? '' : pullsAgain(first)}`,
  });
}

const pullsAgain = ({ pod }: FailingPod): string =>
  ` The kubelet then retries within five minutes. To retry at once: kubectl -n ${namespace} delete pod ${pod.metadata.name}`;

const causes: Readonly<Record<PodFailure['cause'], string>> = {
  dns: 'its node cannot resolve the registry',
  route: 'its node cannot reach the registry',
  tls: "its node does not trust the registry's certificate",
  credentials: 'the registry rejects the pull secret',
  'not-found': 'the registry does not have the image',
  platform: "the image does not exist for the node's platform",
  'disk-full': 'the disk of its node is full',
  'invalid-name': 'the name of its image is not valid',
  'never-pull': 'its image is not on its node, and it must not be pulled',
  'unknown-pull': 'its image cannot be pulled',
  unschedulable: 'no node can run it',
  crash: 'it crashes',
};

export const describeFailure = ({ cause, why }: PodFailure): string => `${causes[cause]}: ${why}`;

/** Deletes the operator's pods that failed to pull their image. See {@link recreatePods}. */
export async function recreateStuckPods(run: ExternalSecretsRun, names?: readonly string[]): Promise<void> {
  if (run.isReadOnly) return;
  const { cluster } = run.ctx;
  await recreatePods(await findFailingPods(cluster, await readComponents(cluster, names)), run);
}
