import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Api } from './api.ts';
import type { FakeNodes, Pod } from './fake-nodes.ts';

/** In a cluster of this size. */
const counts = { namespaces: 1000, nodes: 300 };
const podsPerNamespace = 10;
const serviceAccounts = ['default', 'web', 'worker'];
/** Images of the lab's registries. */
const images = ['nginx:1.28', 'redis:8', 'quay.io/prometheus/node-exporter:v1.9.1'];

/** How often the operator refreshes the pull secret of a namespace, in minutes. The default would make the benchmark longer. */
export const copyEveryMinutes = 5;

/** Settings of ecr-bootstrap. */
export const settings = {
  images: { list: images },
  pullSecret: { copyEvery: `${copyEveryMinutes}m` },
};

export interface Size {
  readonly namespaces: readonly string[];
  readonly nodes: number;
  /** For people. */
  readonly text: string;
}

/** @param factor 1 for all objects, 0.1 for a tenth */
export function sizeOf(factor: number): Size {
  const times = (count: number): number => Math.ceil(count * factor);
  const [count, nodes] = [times(counts.namespaces), times(counts.nodes)];
  return {
    namespaces: Array.from({ length: count }, (_, index) => `scale-${index}`),
    nodes,
    text: [
      `${count} namespaces`,
      `${count * serviceAccounts.length} service accounts`,
      `${count} Deployments`,
      `${count * podsPerNamespace} pods`,
      `${nodes} nodes`,
    ].join(', '),
  };
}

/** Creates everything but the nodes, and waits for the controllers. */
export async function createObjects(
  api: Api,
  nodes: FakeNodes,
  namespaces: readonly string[],
): Promise<void> {
  await pLimit(16).map(namespaces, async (namespace, index) => {
    const core = `/api/v1/namespaces/${namespace}`;
    await api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    // The controller that creates `default` is slower.
    for (const name of serviceAccounts) await api.create(`${core}/serviceaccounts`, { metadata: { name } });
    await api.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, deployment(index));
    for (let number = 0; number < podsPerNamespace; number += 1) {
      const pod = podOf(namespace, index * podsPerNamespace + number, nodes);
      await api.create(`${core}/pods`, pod);
      await nodes.run(pod);
    }
  });
  // The controllers of a new cluster would delay the first `up`: they write twenty times a second.
  while (!(await areObserved(api))) await sleep(2000);
}

async function areObserved(api: Api): Promise<boolean> {
  const list = await api.get<{ items: readonly { status: { observedGeneration?: number } }[] }>(
    '/apis/apps/v1/deployments',
  );
  return (list?.items ?? []).every(({ status }) => status.observedGeneration !== undefined);
}

const podSpec = (number: number) => ({
  automountServiceAccountToken: false,
  tolerations: [{ operator: 'Exists' }],
  containers: [{ name: 'main', image: images[number % images.length] ?? '' }],
});

function podOf(namespace: string, number: number, nodes: FakeNodes): Pod {
  return {
    metadata: { namespace, name: `pod-${number}` },
    spec: { ...podSpec(number), nodeName: nodes.name(number) },
    status: { phase: 'Pending' },
  };
}

/** Without pods, because the controllers of Kubernetes would create only twenty a second. */
const deployment = (index: number) => ({
  metadata: { name: 'web' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: podSpec(index) },
  },
});
