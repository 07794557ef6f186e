import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Target } from '../../core/step.ts';
import type { Finding } from '../../core/findings.ts';
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
import { finding } from '../../core/findings.ts';

/** The pods rather than the Deployments: the controller has no probes, so its "Available" says nothing. */
export async function operatorHealth(ctx: ExternalSecretsContext): Promise<readonly Finding[]> {
  const { cluster } = ctx;
  const [parts, image, missing] = await Promise.all([
    readComponents(cluster),
    imageInEcr(ctx),
    findMissing(cluster),
  ]);
  const troubled = await findFailingPods(cluster, parts);
  const broken = new Set(troubled.map(({ pod }) => pod));
  const stalls = parts
    .filter(({ pods }) => pods.length > 0 && !pods.some((pod) => isRunning(pod) || broken.has(pod)))
    .flatMap((part) => stalled(part, ctx.clock.now()));
  const running = parts.flatMap(({ pods }) => pods).filter((pod) => !broken.has(pod));
  return [
    ...troubled.map(({ pod, failure }) =>
      unhealthy(
        'failed',
        podTarget(pod),
        'does not run',
        describeFailure(failure),
        remedyFor(failure, pod, ctx.config.aws.region),
      ),
    ),
    // A missing Deployment is drift, which is reported already.
    ...parts.filter(({ pods, isMissing }) => pods.length === 0 && !isMissing).map(({ name }) => absent(name)),
    ...stalls,
    ...running.flatMap((pod) => [...restarts(pod), ...wrongImage(pod, image)]),
    ...(missing === undefined || broken.size > 0 || stalls.length > 0 ? [] : [webhookDown(missing)]),
  ];
}

const absent = (part: string): Finding =>
  unhealthy(
    'failed',
    { kind: 'Deployment', name: `${namespace}/${part}` },
    'has no pod',
    impactByComponent[part] ?? 'nothing of it runs',
    `See why: kubectl describe deployment -n ${namespace} ${part}`,
  );

/** Milliseconds that a pod may take to start, or to come back after a first crash. */
const startTime = 2 * 60_000;

/** What rests while no pod of a part runs. */
const impactByComponent: Readonly<Record<string, string>> = {
  [controller]: 'no token is renewed and no pull secret is copied',
  [certController]: "the webhook's certificate is not renewed",
  [webhook]: 'the API server refuses changes of ExternalSecrets and their stores',
};

/** A part whose pods do not start, for causes that the kubelet goes on trying with: a Secret or a volume is missing. */
function stalled({ name, pods }: Component, now: number): Finding[] {
  if (pods.some((pod) => now - idleSince(pod) < startTime)) return [];
  const wait = pods.map(waitOf).find(Boolean);
  return [
    unhealthy(
      'failed',
      { kind: 'Deployment', name: `${namespace}/${name}` },
      'has no running pod',
      [impactByComponent[name], wait].filter(Boolean).join('; the kubelet says: '),
      `See why: kubectl describe pod -n ${namespace} -l app.kubernetes.io/name=${name}`,
    ),
  ];
}

/** Milliseconds since the epoch: when a pod was made, or was ready for the last time. */
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
    'Run `ecr-bootstrap up`, which waits for it and reports the cause.',
  );

/** More often than this it is no accident. */
const restartFindings = 5;

function restarts(pod: KubeObject): Finding[] {
  const count = statuses(pod).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  if (count < restartFindings) return [];
  const last = statuses(pod).find(({ lastState }) => lastState?.terminated)?.lastState?.terminated;
  return [
    unhealthy(
      'warning',
      podTarget(pod),
      `was restarted ${count} times`,
      last
        ? `last with ${last.reason ?? 'no reason'}, exit code ${last.exitCode ?? 'unknown'}`
        : 'no reason is known',
      `Read its last log: kubectl logs -n ${namespace} ${pod.metadata.name} --previous`,
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
      'Run ecr-bootstrap up, or delete the pod if its Deployment names the right image.',
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
