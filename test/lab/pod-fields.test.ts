/** The numbers of the fields that are read from protobuf are those of the real API server. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createCluster } from '../../src/clients/kubernetes/index.ts';
import type { ClusterPort, KubeObject } from '../../src/clients/kubernetes/port.ts';
import { createNet } from '../../src/clients/net/index.ts';
import { podFields } from '../../src/cluster/pod-fields.ts';
import { withoutDetails } from '../../src/cluster/workloads.ts';
import { systemClock } from '../../src/core/clock.ts';
import { deployment } from '../scenarios/site.ts';
import { waitFor } from '../scenarios/wait.ts';
import { kubectlAt, kubectlClient } from './kubectl.ts';
import { clusters } from './names.ts';
import { kubeconfigOf } from './paths.ts';

const space = 'lab-pod-fields';
const image = 'docker.io/library/missing:1';
const kubectl = kubectlAt(clusters.first);
const { apply, remove, get } = kubectlClient(kubectl);

const pod = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: space },
  spec: { containers: [{ name: 'main', image }], terminationGracePeriodSeconds: 0, ...spec },
});

/** With every list of containers, and a message of the kubelet for each. */
const failing = pod('failing', {
  imagePullSecrets: [{ name: 'none' }],
  initContainers: [{ name: 'first', image }],
  volumes: [{ name: 'files', image: { reference: image } }],
});
/** Its pod has labels and an owner. */
const owned = deployment({ namespace: space, name: 'owned', image });
const waiting = pod('waiting', { nodeSelector: { 'example.com/none': 'yes' } });

async function addEphemeralContainer(name: string): Promise<void> {
  const found = await get<KubeObject & { spec: object }>('pod', name, space);
  const spec = { ...found?.spec, ephemeralContainers: [{ name: 'debug', image }] };
  const path = `/api/v1/namespaces/${space}/pods/${name}/ephemeralcontainers`;
  await kubectl(['replace', '--raw', path, '-f', '-'], JSON.stringify({ ...found, spec }));
}

/** Parts of what is kept from JSON that nothing reads. */
const unread = ['startedAt', 'finishedAt', 'containerID', 'pullPolicy', 'blockOwnerDeletion'];

/** JSON also has empty texts in required fields. */
const comparable = (pods: readonly KubeObject[]): unknown =>
  JSON.parse(
    JSON.stringify(pods, (key, value: unknown) => (value === '' || unread.includes(key) ? undefined : value)),
  );

describe('pods in protobuf', () => {
  let net: ReturnType<typeof createNet>;
  let cluster: ClusterPort & { close(): Promise<void> };

  beforeAll(async () => {
    net = createNet();
    cluster = createCluster({ kubeconfig: kubeconfigOf(clusters.first, 'admin'), net, clock: systemClock });
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: space } });
    await apply(failing, waiting, owned);
    await addEphemeralContainer('failing');
  });

  afterAll(async () => {
    await remove('namespace', space);
    await cluster.close();
    await net.close();
  });

  it('have the same fields as in JSON', async () => {
    const list = (options: object) =>
      cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { reduce: withoutDetails, ...options });
    let [inJson, inProtobuf]: readonly unknown[] = [];
    await waitFor('two equal lists of pods with messages', async () => {
      [inJson, inProtobuf] = (await Promise.all([list({}), list({ fields: podFields })])).map(comparable);
      const text = JSON.stringify(inJson);
      const parts = ['initContainerStatuses', 'ephemeralContainers', 'Unschedulable', 'ReplicaSet'];
      const isThere = parts.every((part) => text.includes(part));
      return (isThere && isDeepStrictEqual(inJson, inProtobuf)) || undefined;
    }).catch(() => undefined);
    expect(inProtobuf).toEqual(inJson);
    expect(JSON.stringify(inJson)).toContain('"waiting":{"reason"');
  });
});
