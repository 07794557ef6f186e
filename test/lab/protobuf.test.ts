/** The numbers of the fields that are read from protobuf are those of the real API server. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createCluster } from '../../src/clients/kubernetes/index.ts';
import type { ClusterPort, KubeObject, ListOptions } from '../../src/clients/kubernetes/port.ts';
import { createNet } from '../../src/clients/net/index.ts';
import { withoutRecords } from '../../src/cluster/inventory.ts';
import { podFields, serviceAccountFields } from '../../src/cluster/list-fields.ts';
import { withoutDetails } from '../../src/cluster/workloads.ts';
import { systemClock } from '../../src/core/clock.ts';
import { deployment } from '../scenarios/site.ts';
import { waitFor } from '../scenarios/wait.ts';
import { definitionOf } from '../support/custom-kind.ts';
import { kubectlAt, kubectlClient } from './kubectl.ts';
import { clusters } from './names.ts';
import { kubeconfigOf } from './paths.ts';

const space = 'lab-protobuf';
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
const crd = definitionOf('lab.example.com', { kind: 'Widget', plural: 'widgets' });
const widget = {
  apiVersion: 'lab.example.com/v1',
  kind: 'Widget',
  metadata: { name: 'one', namespace: space, labels: { a: 'b' }, annotations: { c: 'd' } },
};
const waiting = pod('waiting', { nodeSelector: { 'example.com/none': 'yes' } });

async function addEphemeralContainer(name: string): Promise<void> {
  const found = await get<KubeObject & { spec: object }>('pod', name, space);
  const spec = { ...found?.spec, ephemeralContainers: [{ name: 'debug', image }] };
  const path = `/api/v1/namespaces/${space}/pods/${name}/ephemeralcontainers`;
  await kubectl(['replace', '--raw', path, '-f', '-'], JSON.stringify({ ...found, spec }));
}

/** Parts of what is kept from JSON that nothing reads. */
const unread = [
  'startedAt',
  'finishedAt',
  'containerID',
  'pullPolicy',
  'blockOwnerDeletion',
  'generateName',
  'generation',
];

/** JSON also has empty texts in required fields. */
const comparable = (pods: readonly KubeObject[]): unknown =>
  JSON.parse(
    JSON.stringify(pods, (key, value: unknown) => (value === '' || unread.includes(key) ? undefined : value)),
  );

describe('lists in protobuf', () => {
  let net: ReturnType<typeof createNet>;
  let cluster: ClusterPort & { close(): Promise<void> };

  beforeAll(async () => {
    net = createNet();
    cluster = createCluster({ kubeconfig: kubeconfigOf(clusters.first, 'admin'), net, clock: systemClock });
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: space } });
    await apply(failing, waiting, owned, crd);
    await kubectl(['wait', '--for=condition=Established', 'crd', crd.metadata.name]);
    await apply(widget);
    await addEphemeralContainer('failing');
  });

  afterAll(async () => {
    await remove('namespace', space);
    await remove('crd', crd.metadata.name);
    await cluster.close();
    await net.close();
  });

  const listPods = (options: ListOptions) =>
    cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { reduce: withoutDetails, ...options });

  it('have the same fields of pods as in JSON', async () => {
    let [inJson, inProtobuf]: readonly unknown[] = [];
    await waitFor('two equal lists of pods with messages', async () => {
      [inJson, inProtobuf] = (await Promise.all([listPods({}), listPods({ fields: podFields })])).map(
        comparable,
      );
      const text = JSON.stringify(inJson);
      const parts = ['initContainerStatuses', 'ephemeralContainers', 'Unschedulable', 'ReplicaSet'];
      const isThere = parts.every((part) => text.includes(part));
      return (isThere && isDeepStrictEqual(inJson, inProtobuf)) || undefined;
    }).catch(() => undefined);
    expect(inProtobuf).toEqual(inJson);
    expect(JSON.stringify(inJson)).toContain('"waiting":{"reason"');
  });

  it('have the same fields of service accounts as in JSON', async () => {
    const kind = { apiVersion: 'v1', kind: 'ServiceAccount' };
    await apply({
      ...kind,
      metadata: { name: 'robot', namespace: space, labels: { a: 'b' } },
      imagePullSecrets: [{ name: 'first' }, { name: 'second' }],
    });
    const [inJson, inProtobuf] = await Promise.all([
      cluster.list(kind, { namespace: space, reduce: withoutRecords }),
      cluster.list(kind, { namespace: space, fields: serviceAccountFields }),
    ]);
    expect(inProtobuf).toEqual(inJson);
  });

  it('are refused with the reason of the server', async () => {
    const refused = listPods({ fields: podFields, fieldSelector: 'status.nothing=1' });
    await expect(refused).rejects.toMatchObject({
      why: expect.stringContaining('field label not supported') as string,
    });
  });

  it.each([
    ['Pod', 'v1', { namespace: space }],
    ['CustomResourceDefinition', 'apiextensions.k8s.io/v1', {}],
    ['Widget', 'lab.example.com/v1', { namespace: space }],
  ])('have the same metadata of a %s as in JSON', async (kind, apiVersion, where) => {
    // The metadata of the failing pod change all the time.
    const kept = ({ metadata }: KubeObject): boolean => metadata.name !== 'failing';
    const [inJson, inProtobuf] = await Promise.all([
      cluster.list({ apiVersion, kind }, where),
      cluster.list({ apiVersion, kind }, { ...where, metadataOnly: true }),
    ]);
    const withoutOthers = inJson.filter(kept).map(({ metadata }) => ({
      apiVersion,
      kind,
      metadata: { ...metadata, managedFields: undefined },
    }));
    expect(comparable(inProtobuf.filter(kept))).toEqual(comparable(withoutOthers));
    expect(withoutOthers).not.toEqual([]);
  });
});
