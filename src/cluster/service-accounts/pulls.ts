import { fullName, refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Workload } from '../workloads.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import type { ClusterContext } from '../context.ts';
import { nodeNamespace, operatorDeployments, operatorNamespace } from '../../core/ownership.ts';
import { diagnosePod, isBeingCreated } from '../pod-failure.ts';

/** Reports pods that cannot pull, and workloads that do not use the pull secret of their service account. */
export async function pullFindings(
  ctx: ClusterContext,
  pulled: Omit<PulledImages, 'host'>,
): Promise<readonly Finding[]> {
  const { inventory, config } = ctx;
  const [pods, workloads, host] = await Promise.all([
    inventory.pods(),
    inventory.workloads(),
    ctx.registryHost(),
  ]);
  // Only events say that the pause image cannot be pulled.
  const isLate = (pod: KubeObject): boolean => isBeingCreated(pod) && ageMs(pod, ctx) > creationMs;
  const failing = pods.filter(
    (pod) => (diagnosePod(pod)?.image !== undefined || isLate(pod)) && !isReportedElsewhere(pod),
  );
  const warnings = failing.length > 0 ? await inventory.warnings() : [];
  const images = { ...pulled, host };
  return [
    ...failing.flatMap((pod) => failingPull(pod, images, warnings)),
    ...workloads
      .filter((workload) => !usesPullSecret(workload, config.pullSecret.name, host))
      .map((workload) => ownSecretsFinding(workload, config.pullSecret.name)),
  ];
}

/** Milliseconds in which a kubelet usually starts the containers of a pod. */
const creationMs = 60_000;

const ageMs = ({ metadata }: KubeObject, { clock }: ClusterContext): number =>
  clock.now() - Date.parse(metadata.creationTimestamp ?? '');

/** The steps `operator` and `node-access` report these. */
const isReportedElsewhere = ({ metadata: { namespace, labels } }: KubeObject): boolean =>
  namespace === nodeNamespace ||
  (namespace === operatorNamespace &&
    operatorDeployments.some((name) => labels?.['app.kubernetes.io/name'] === name));

interface PulledImages {
  /** The ECR host. */
  readonly host: string;
  /** Whether the node of a pod pulls an image from ECR under its own name. */
  readonly isMirrored: (image: string, pod: KubeObject) => boolean;
  /** The name of an image at its source, also of a name in ECR. */
  readonly sourceOf: (image: string) => string;
}

function failingPull(
  pod: KubeObject,
  { host, isMirrored, sourceOf }: PulledImages,
  warnings: readonly KubeObject[],
): Finding[] {
  const failure = diagnosePod(pod, warnings);
  if (failure?.image === undefined) return [];
  const { image, cause, why } = failure;
  const isPulledThroughMirror = isMirrored(image, pod);
  const target = targetOf(refOf(pod));
  return [
    finding('pull-failing', {
      // Only the owner of a workload can fix a reference outside this ECR, so `up` does not fail.
      level: isPulledThroughMirror || image.startsWith(`${host}/`) ? 'failed' : 'warning',
      target,
      what: `${nameOf(target)} cannot pull ${image}`,
      why: isPulledThroughMirror && cause === 'not-found' ? 'the image is not in ECR' : why,
      hint: `Run \`ecr-bootstrap why pod/${pod.metadata.name} -n ${pod.metadata.namespace ?? ''}\`.`,
      causedBy: { kind: 'image', name: sourceOf(image) },
    }),
  ];
}

/** A pod that lists pull secrets itself does not use those of its service account. */
const usesPullSecret = ({ pullSecrets, images }: Workload, name: string, host: string): boolean =>
  pullSecrets.length === 0 ||
  pullSecrets.includes(name) ||
  !images.some((image) => image.startsWith(`${host}/`));

function ownSecretsFinding(workload: Workload, pullSecret: string): Finding {
  const target = { kind: workload.kind, name: fullName(workload) };
  return finding('pod-pull-secrets', {
    target,
    what: `${nameOf(target)} does not use the pull secret of its service account`,
    why: `its pod template lists other pull secrets: ${workload.pullSecrets.join(', ')}`,
    hint: `Add ${pullSecret} to imagePullSecrets of the pod template, or remove that list.`,
  });
}
