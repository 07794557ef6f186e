import { refOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { ClusterRun } from './context.ts';
import type { PodFailure } from './pod-failure.ts';

/** A pod that waiting does not help. */
export interface FailingPod {
  readonly pod: KubeObject;
  readonly failure: PodFailure;
}

/**
 * Deletes those of the pods that failed to pull an image. The kubelet waits up to five minutes before it retries, and
 * the steps before may have fixed the cause: an expired token, a missing image.
 */
export async function recreatePods(
  failing: readonly FailingPod[],
  { ctx, emit }: Pick<ClusterRun, 'ctx' | 'emit'>,
): Promise<void> {
  for (const { pod, failure } of failing) {
    if (failure.image === undefined) continue;
    const { name, uid } = pod.metadata;
    emit({ type: 'note', text: `recreating pod ${name}: ${failure.why}` });
    await ctx.cluster.delete(refOf(pod), { uid });
  }
}
