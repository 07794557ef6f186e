import { fullName, refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Workload } from '../workloads.ts';
import type { Finding } from '../../core/findings.ts';
import { nameOf } from '../../core/members.ts';
import type { ClusterContext } from '../context.ts';
import { operatorDeployments, operatorNamespace } from '../../core/ownership.ts';
import { diagnosePod, type PodFailure, remedyFor } from '../pod-failure.ts';
import { finding } from '../../core/findings.ts';

/** Pods that cannot pull, and workloads that do not use the pull secret of their service account. */
export async function pullFindings(ctx: ClusterContext): Promise<readonly Finding[]> {
  const { inventory, config } = ctx;
  const [pods, workloads, host] = await Promise.all([
    inventory.pods(),
    inventory.workloads(),
    ctx.registryHost(),
  ]);
  const failing = pods.filter((pod) => diagnosePod(pod)?.image !== undefined && !isOperatorPod(pod));
  const warnings = failing.length > 0 ? await inventory.warnings() : [];
  return [
    ...failing.flatMap((pod) => failingPull(pod, host, config.aws.region, warnings)),
    ...workloads
      .filter((workload) => !usesPullSecret(workload, config.pullSecret.name, host))
      .map((workload) => ownSecretsFinding(workload, config.pullSecret.name)),
  ];
}

/** The step of the operator reports these. */
const isOperatorPod = ({ metadata }: KubeObject): boolean =>
  metadata.namespace === operatorNamespace &&
  operatorDeployments.some((name) => metadata.labels?.['app.kubernetes.io/name'] === name);

function failingPull(
  pod: KubeObject,
  host: string,
  region: string,
  warnings: readonly KubeObject[],
): Finding[] {
  const trouble = diagnosePod(pod, warnings);
  if (trouble?.image === undefined) return [];
  const target = targetOf(refOf(pod));
  const isOurs = trouble.image.startsWith(`${host}/`);
  return [
    finding('pull-failing', {
      // What a workload names outside this ECR is for its owner to mend; `up` has done all it can.
      level: isOurs ? 'failed' : 'warning',
      target,
      what: `${nameOf(target)} cannot pull ${trouble.image}`,
      why: trouble.why,
      hint: isOurs
        ? hintInEcr(trouble, pod, region)
        : 'The image is not in this ECR: ecr-bootstrap images shows the reference to use instead.',
    }),
  ];
}

function hintInEcr(trouble: PodFailure, pod: KubeObject, region: string): string {
  const { metadata } = pod;
  if (trouble.cause !== 'credentials') return remedyFor(trouble, pod, region);
  return `A pod keeps the pull secrets that it was created with. After ecr-bootstrap up, recreate it: kubectl delete pod -n ${metadata.namespace} ${metadata.name}`;
}

/** A pod with a list of its own gets none from its service account. */
const usesPullSecret = ({ pullSecrets, images }: Workload, name: string, host: string): boolean =>
  pullSecrets.length === 0 ||
  pullSecrets.includes(name) ||
  !images.some((image) => image.startsWith(`${host}/`));

function ownSecretsFinding(workload: Workload, pullSecret: string): Finding {
  const target = { kind: workload.kind, name: fullName(workload) };
  return finding('pod-pull-secrets', {
    target,
    what: `${nameOf(target)} does not use the pull secret of its service account`,
    why: `its pods list pull secrets of their own: ${workload.pullSecrets.join(', ')}`,
    hint: `Add ${pullSecret} to that list, or remove the list.`,
  });
}
