import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Api } from './api.ts';

/** As far as it is used. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status: { readonly phase: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
}

const agents = '/api/v1/namespaces/ecr-bootstrap/pods';
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
/** Only pods that tolerate everything get to a fake node, as the agent's do. */
const taint = { key: 'example.com/fake', effect: 'NoSchedule' };
/** A node is lost 40 s after its last heartbeat. */
const heartbeatMs = 15_000;

/** Nodes without a kubelet, whose pods run as soon as they exist. */
export class FakeNodes {
  readonly #api: Api;
  readonly #names: readonly string[];
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(api: Api, count: number) {
    this.#api = api;
    this.#names = Array.from({ length: count }, (_, index) => `fake-${index}`);
  }

  name(index: number): string {
    return this.#names[index % this.#names.length] ?? '';
  }

  async start(): Promise<void> {
    await pLimit(16).map(this.#names, async (name) => {
      await this.#api.create('/api/v1/nodes', {
        metadata: { name, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } },
        spec: { taints: [taint] },
      });
      await this.#api.create(leases, { metadata: { name }, spec: leaseSpec(name) });
      await this.#api.patch(`/api/v1/nodes/${name}/status`, nodeStatus());
    });
    this.#running = this.#every(heartbeatMs, this.#stopping.signal, () => this.#beat());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Reports that the containers of a pod run, as a kubelet would. */
  async run({ metadata: { namespace, name }, spec }: Pod): Promise<void> {
    await this.#api.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, { status: running(spec) });
  }

  /** Runs the agents of ecr-bootstrap on these nodes while the work creates them. */
  async runAgentsDuring<T>(work: () => Promise<T>): Promise<T> {
    const stopping = new AbortController();
    const running = this.#every(500, stopping.signal, () => this.#runAgents());
    try {
      return await work();
    } finally {
      stopping.abort();
      await running;
    }
  }

  async #every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await act();
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    }
  }

  async #beat(): Promise<void> {
    await pLimit(8).map(this.#names, (name) =>
      this.#api.patch(`${leases}/${name}`, { spec: leaseSpec(name) }),
    );
  }

  async #runAgents(): Promise<void> {
    const { items = [] } = (await this.#api.get<{ readonly items: readonly Pod[] }>(agents)) ?? {};
    const own = items.filter(({ spec }) => spec.nodeName?.startsWith('fake-'));
    await pLimit(16).map(own, async (pod) => {
      if (pod.metadata.deletionTimestamp !== undefined) {
        await this.#api.delete(`${agents}/${pod.metadata.name}?gracePeriodSeconds=0`);
      } else if (pod.status.phase === 'Pending') await this.run(pod);
    });
  }
}

const leaseSpec = (name: string) => ({
  holderIdentity: name,
  leaseDurationSeconds: 40,
  renewTime: new Date().toISOString().replace('Z', '000Z'),
});

const nodeStatus = () => ({
  status: {
    capacity: { cpu: '64', memory: '256Gi', pods: '250' },
    allocatable: { cpu: '64', memory: '256Gi', pods: '250' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        lastHeartbeatTime: new Date().toISOString(),
        lastTransitionTime: new Date().toISOString(),
      },
    ],
    nodeInfo: {
      architecture: 'amd64',
      operatingSystem: 'linux',
      containerRuntimeVersion: 'containerd://2.2.9',
      kubeletVersion: 'v1.36.3',
      bootID: '',
      kernelVersion: '',
      kubeProxyVersion: '',
      machineID: '',
      osImage: '',
      systemUUID: '',
    },
  },
});

function running({ containers, initContainers = [] }: Pod['spec']) {
  const since = new Date().toISOString();
  const status = ({ name, image }: Container, state: object) => ({
    name,
    image,
    imageID: '',
    ready: true,
    restartCount: 0,
    started: true,
    state,
  });
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: since });
  return {
    phase: 'Running',
    startTime: since,
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
    containerStatuses: containers.map((one) => status(one, { running: { startedAt: since } })),
    initContainerStatuses: initContainers.map((one) =>
      status(one, { terminated: { exitCode: 0, reason: 'Completed', startedAt: since, finishedAt: since } }),
    ),
  };
}
