import { annotations, operatorDeployments, operatorNamespace as namespace } from '../../core/ownership.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isFinished } from '../../cluster/workloads.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { remedyFor, type PodFailure, diagnosePod } from '../../cluster/pod-failure.ts';

export const [controller, certController, webhook] = operatorDeployments;

/** One Deployment of the operator. */
export interface Component {
  readonly name: string;
  readonly isMissing: boolean;
  /** All its pods that are neither finished nor on their way out. */
  readonly pods: readonly KubeObject[];
  /** Those that were made from its present template. */
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
    const own = pods.filter(
      (pod) =>
        pod.metadata.labels?.['app.kubernetes.io/name'] === name &&
        pod.metadata.deletionTimestamp === undefined &&
        !isFinished(pod),
    );
    const deployment = deployments.find(({ metadata }) => metadata.name === name);
    return {
      name,
      isMissing: deployment === undefined,
      pods: own,
      current: own.filter((pod) => isCurrent(pod, deployment)),
    };
  });
}

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image: string }[] };
}

/** By image and settings: a repair changes one of them, and the pods of before do not matter any more. */
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

export interface FailingPod {
  readonly pod: KubeObject;
  readonly failure: PodFailure;
}

/** Pods that will not run by themselves. Events are fetched only when there is one. */
export async function findFailingPods(
  cluster: ClusterPort,
  parts: readonly Component[],
): Promise<readonly FailingPod[]> {
  const all = parts.flatMap(({ current }) => current);
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
 * Ends the run on a cause that waiting will not cure.
 * @throws BootstrapError `not-ready`
 */
export async function refuseFailingPods(
  { cluster, config }: ExternalSecretsContext,
  parts: readonly Component[],
): Promise<void> {
  const [first] = await findFailingPods(cluster, parts);
  if (first === undefined) return;
  throw new BootstrapError({
    code: 'not-ready',
    what: `start pod ${namespace}/${first.pod.metadata.name}`,
    why: describeFailure(first.failure),
    hint: `${remedyFor(first.failure, first.pod, config.aws.region)}${first.failure.image === undefined ? '' : pullsAgain(first)}`,
  });
}

const pullsAgain = ({ pod }: FailingPod): string =>
  ` Once that is fixed, the kubelet pulls again within five minutes, or at once after: kubectl -n ${namespace} delete pod ${pod.metadata.name}`;

const causes: Readonly<Record<PodFailure['cause'], string>> = {
  dns: 'its node cannot resolve the registry',
  route: 'its node cannot reach the registry',
  tls: "its node does not trust the registry's certificate",
  credentials: 'the registry refuses the pull secret',
  'not-found': 'the registry does not have the image',
  platform: "the image does not exist for the node's platform",
  'unknown-pull': 'its image cannot be pulled',
  unschedulable: 'no node takes it',
  crash: 'it crashes',
};

export const describeFailure = ({ cause, why }: PodFailure): string => `${causes[cause]}: ${why}`;

/**
 * Deletes pods that failed to pull before now. The kubelet waits up to five minutes between two tries, and what made
 * it fail (an expired token, a missing image) may have been repaired by the steps before this one.
 */
export async function recreateStuckPods(
  { ctx, emit, looksOnly = false }: ExternalSecretsRun,
  parts?: readonly string[],
): Promise<void> {
  if (looksOnly) return;
  const failing = await findFailingPods(ctx.cluster, await readComponents(ctx.cluster, parts));
  for (const { pod, failure } of failing) {
    if (failure.image === undefined) continue;
    const { name, uid } = pod.metadata;
    emit({ type: 'note', text: `pod ${name} is made anew: ${describeFailure(failure)}` });
    await ctx.cluster.delete({ apiVersion: 'v1', kind: 'Pod', name, namespace }, { uid });
  }
}
