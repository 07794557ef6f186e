import type { KubeObject } from './objects.ts';
import type { LabelSelector } from './selectors.ts';
import { type Condition, isTrue } from './store.ts';

/** The fields of a Pod that the sandbox uses. */
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: Condition[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  affinity?: {
    nodeAffinity?: {
      requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: LabelSelector[] };
    };
  };
  tolerations?: Toleration[];
  imagePullSecrets?: { name: string }[];
  serviceAccountName?: string;
  hostNetwork?: boolean;
  volumes?: {
    name: string;
    hostPath?: { path: string };
    secret?: { secretName?: string; optional?: boolean };
    configMap?: { name?: string; optional?: boolean };
  }[];
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

export interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string }[];
  volumeMounts?: { name: string; mountPath: string }[];
  readinessProbe?: { exec?: { command?: string[] } };
}

export interface Terminated {
  exitCode: number;
  reason: string;
  startedAt: string;
  finishedAt: string;
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID?: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  state: {
    running?: { startedAt: string };
    waiting?: { reason: string; message?: string };
    terminated?: Terminated;
  };
  lastState?: { terminated?: Terminated };
}

export const isReady = (pod: Pod) => isTrue(pod, 'Ready');
export const isFinished = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
export const isRunning = (pod: Pod) => pod.status?.phase === 'Running';
export const isTerminating = ({ metadata }: KubeObject) => metadata.deletionTimestamp !== undefined;
