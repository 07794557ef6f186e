import { waitFor } from './wait.ts';
import type { ClusterClient, KubeObject } from './world.ts';

interface Pod extends KubeObject {
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly {
      readonly state: { readonly waiting?: { readonly reason: string; readonly message?: string } };
    }[];
  };
}

/** The spec of a pod that contacts the registry also when its node has the image. */
export const alwaysPulling = (image: string) => ({
  containers: [{ name: 'main', image, imagePullPolicy: 'Always' }],
});

/**
 * Creates a pod without any pull secret. Returns how its start ended: `Running`, or the reason and message of the
 * container runtime.
 */
export async function startPod(
  cluster: ClusterClient,
  namespace: string,
  name: string,
  image: string,
  spec: object = {},
): Promise<string> {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }], ...spec },
  });
  return waitFor(`pod ${namespace}/${name}`, async () => {
    const pod = await cluster.get<Pod>('pod', name, namespace);
    if (pod?.status.phase === 'Running') return 'Running';
    const waiting = pod?.status.containerStatuses?.[0]?.state.waiting;
    const failed = waiting !== undefined && /^(Err|ImagePull|Invalid|Create)/.test(waiting.reason);
    return failed ? `${waiting.reason}: ${waiting.message ?? ''}` : undefined;
  });
}
