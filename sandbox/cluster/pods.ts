import type { KubeObject } from './objects.ts';
import { type Condition, isTrue } from './store.ts';

/** The fields of a Pod that the sandbox uses. */
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  tolerations?: { key?: string; operator?: string; value?: string; effect?: string }[];
  imagePullSecrets?: { name: string }[];
  serviceAccountName?: string;
}

export interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  args?: string[];
}

export interface ContainerStatus {
  name: string;
  image: string;
  ready: boolean;
  restartCount: number;
  state: { running?: { startedAt: string }; waiting?: { reason: string; message: string } };
}

export const isReady = (pod: Pod) => isTrue(pod, 'Ready');
export const isFinished = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
export const isRunning = (pod: Pod) => pod.status?.phase === 'Running';
