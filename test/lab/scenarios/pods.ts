import { apply, get } from './kubectl.ts';
import { waitFor } from '../../scenarios/wait.ts';

interface Pod {
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly {
      readonly state: { readonly waiting?: { readonly reason: string; readonly message?: string } };
    }[];
  };
}

/** A pod as somebody writes it who knows nothing of pull secrets. */
export function pod(namespace: string, name: string, image: string, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }], ...spec },
  };
}

export const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Creates a pod and tells how its start ended: `Running`, or the runtime's reason with its words. */
export async function startPod(...args: Parameters<typeof pod>): Promise<string> {
  await apply(pod(...args));
  const [inNamespace, name] = args;
  return waitFor(`pod ${inNamespace}/${name}`, async () => {
    const found = await get<Pod>('pod', '-n', inNamespace, name);
    if (found?.status.phase === 'Running') return 'Running';
    const waiting = found?.status.containerStatuses?.[0]?.state.waiting;
    const failed = waiting !== undefined && /^(Err|ImagePull|Invalid|Create)/.test(waiting.reason);
    return failed ? `${waiting.reason}: ${waiting.message ?? ''}` : undefined;
  });
}
