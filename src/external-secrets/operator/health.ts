import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Target } from '../../core/target.ts';
import { type Finding, finding } from '../../core/findings.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { operatorNamespace as namespace } from '../../core/ownership.ts';
import { remedyFor, waitOf } from '../../cluster/pod-failure.ts';
import {
  certController,
  type Component,
  controller,
  describeFailure,
  findFailingPods,
  isRunning,
  readComponents,
  webhook,
} from './pods.ts';
import { findMissing } from './readiness.ts';
import { imageInEcr } from './objects.ts';

/** Checks pods rather than Deployments: the controller has no probes, so its Deployment is always Available. */
export async function operatorHealth(ctx: ExternalSecretsContext): Promise<readonly Finding[]> {
  const { cluster } = ctx;
  const [components, image, missing] = await Promise.all([
    readComponents(cluster),
    imageInEcr(ctx),
    findMissing(cluster),
  ]);
  const failing = await findFailingPods(cluster, components);
  const broken = new Set(failing.map(({ pod }) => pod));
  const stalledFindings = components
    .filter(({ pods }) => pods.length > 0 && !pods.some((pod) => isRunning(pod) || broken.has(pod)))
    .flatMap((component) => stalled(component, ctx.clock.now()));
  const running = components.flatMap(({ pods }) => pods).filter((pod) => !broken.has(pod));
  return [
    ...failing.map(({ pod, failure }) =>
      unhealthy(
        'failed',
        podTarget(pod),
        'is not running',
        describeFailure(failure),
        remedyFor(failure, pod, ctx.config.aws.region),
      ),
    ),
    // A missing Deployment is reported as drift.
    ...components
      .filter(({ pods, isMissing }) => pods.length === 0 && !isMissing)
      .map(({ name }) => withoutPods(name)),
    ...stalledFindings,
    ...running.flatMap((pod) => [...restarts(pod), ...wrongImage(pod, image)]),
    ...(missing === undefined || broken.size > 0 || stalledFindings.length > 0 ? [] : [webhookDown(missing)]),
  ];
}

const withoutPods = (component: string): Finding =>
  unhealthy(
    'failed',
    { kind: 'Deployment', name: `${namespace}/${component}` },
    'has no pods',
    impactByComponent[component] ?? 'the component does not run',
    `Find out why: kubectl describe deployment -n ${namespace} ${component}`,
  );

/** Time for a pod to start, or to restart after a first crash. */
const startTimeoutMs = 2 * 60_000;

/** What does not work while a component has no running pod. */
const impactByComponent: Readonly<Record<string, string>> = {
  [controller]: 'tokens are no longer renewed and pull secrets are no longer copied',
  [certController]: "the webhook's certificate is no longer renewed",
  [webhook]: 'the API server rejects changes of ExternalSecrets and their stores',
};

/** A component whose pods do not start for a cause that the kubelet retries: a Secret or a volume is missing. */
function stalled({ name, pods }: Component, now: number): Finding[] {
  if (pods.some((pod) => now - idleSince(pod) < startTimeoutMs)) return [];
  const wait = pods.map(waitOf).find(Boolean);
  return [
    unhealthy(
      'failed',
      { kind: 'Deployment', name: `${namespace}/${name}` },
      'has no running pod',
      [impactByComponent[name], wait].filter(Boolean).join('; the kubelet reports: '),
      `Find out why: kubectl describe pod -n ${namespace} -l app.kubernetes.io/name=${name}`,
    ),
  ];
}

/** When a pod was created, or stopped being ready, in milliseconds since the epoch. */
function idleSince({ metadata, status }: KubeObject): number {
  const { conditions = [] } = (status ?? {}) as {
    conditions?: { type: string; lastTransitionTime?: string }[];
  };
  const ready = conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  const times = [metadata.creationTimestamp, ready].flatMap((time) => (time ? [Date.parse(time)] : []));
  return Math.max(0, ...times);
}

const webhookDown = (why: string): Finding =>
  unhealthy(
    'failed',
    { kind: 'Service', name: `${namespace}/external-secrets-webhook` },
    'is not ready',
    why,
    'Run `ecr-bootstrap up`; it waits for the webhook and reports what blocks it.',
  );

/** Fewer restarts can be a coincidence. */
const minRestarts = 5;

function restarts(pod: KubeObject): Finding[] {
  const count = statuses(pod).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  if (count < minRestarts) return [];
  const last = statuses(pod).find(({ lastState }) => lastState?.terminated)?.lastState?.terminated;
  return [
    unhealthy(
      'warning',
      podTarget(pod),
      `restarted ${count} times`,
      last
        ? `last with ${last.reason ?? 'no reason'}, exit code ${last.exitCode ?? 'unknown'}`
        : 'the reason is unknown',
      `Check the logs of its last run: kubectl logs -n ${namespace} ${pod.metadata.name} --previous`,
    ),
  ];
}

function wrongImage(pod: KubeObject, wanted: string): Finding[] {
  const { containers = [] } = (pod['spec'] ?? {}) as { containers?: { image?: string }[] };
  const other = containers.find(({ image }) => image !== wanted);
  if (other === undefined) return [];
  return [
    unhealthy(
      'warning',
      podTarget(pod),
      `runs ${other.image}`,
      `its image should be ${wanted}`,
      'Run `ecr-bootstrap up`. If the Deployment already has the right image, delete the pod.',
    ),
  ];
}

function unhealthy(
  level: 'failed' | 'warning',
  target: Target,
  what: string,
  why: string,
  hint: string,
): Finding {
  return finding('operator-unhealthy', {
    level,
    target,
    what: `${target.kind} ${target.name} ${what}`,
    why,
    hint,
  });
}

interface ContainerStatus {
  readonly restartCount?: number;
  readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } };
}

const statuses = (pod: KubeObject): readonly ContainerStatus[] =>
  ((pod['status'] ?? {}) as { containerStatuses?: ContainerStatus[] }).containerStatuses ?? [];

const podTarget = ({ metadata }: KubeObject): Target => ({
  kind: 'Pod',
  name: `${namespace}/${metadata.name}`,
});
