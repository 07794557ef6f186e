import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { workloadsOf } from '../../../src/cluster/workloads.ts';
import type { MirrorContext } from '../../../src/mirror/context.ts';
import { internetFindings } from '../../../src/mirror/image-findings.ts';
import { internetImages, mirroringForPods } from '../../../src/mirror/internet.ts';

const node = (name: string, labels: Record<string, string> = {}, operatingSystem = 'linux'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/os': operatingSystem, ...labels } },
  status: { nodeInfo: { operatingSystem } },
});
const inside = node('inside', { pool: 'airgapped' });
const outside = node('outside', { pool: 'connected' });

const deployment = (nodeSelector?: Record<string, string>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    template: { spec: { containers: [{ image: 'nginx:1.27' }], ...(nodeSelector && { nodeSelector }) } },
  },
});
const podOn = (nodeName: string | undefined, image = 'nginx:1.27'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `web-5d4-${nodeName}`,
    namespace: 'shop',
    labels: { 'pod-template-hash': '5d4' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4', uid: 'u', controller: true },
    ],
  },
  spec: { ...(nodeName !== undefined && { nodeName }), containers: [{ image }] },
});

interface Cluster {
  readonly nodes?: readonly KubeObject[];
  readonly objects?: readonly KubeObject[];
  readonly pods?: readonly KubeObject[];
  readonly mirrored?: readonly string[];
}

function contextOf(cluster: Cluster): MirrorContext {
  const {
    nodes = [inside, outside],
    objects = [deployment()],
    pods = [],
    mirrored = ['docker.io'],
  } = cluster;
  return {
    config: {
      project: 'shop',
      images: { exclude: [], map: {} },
      nodes: { nodeSelector: { pool: 'airgapped' } },
    },
    registryHost: () => Promise.resolve('1.dkr.ecr.eu-west-1.amazonaws.com'),
    inventory: {
      workloads: () => Promise.resolve(workloadsOf(objects, pods)),
      mirroredHosts: () => Promise.resolve(mirrored),
      nodes: () => Promise.resolve(nodes),
    },
  } as unknown as MirrorContext;
}

/** The nodes for which the image of the Deployment is reported. */
const reported = async (cluster: Cluster): Promise<readonly (string | undefined)[]> =>
  (await internetImages(contextOf(cluster))).map(({ nodeWithoutAgent }) => nodeWithoutAgent);

describe('an image of a registry that selected nodes pull from ECR', () => {
  it('is reported if one of its pods runs on a node that is not selected', async () => {
    expect(await reported({ pods: [podOn('inside'), podOn('outside')] })).toEqual(['outside']);
  });

  it('is not reported if all of its pods run on selected nodes', async () => {
    expect(await reported({ pods: [podOn('inside')] })).toEqual([]);
  });

  it.each([
    ['reported if the scheduler may choose a node that is not selected', undefined, ['outside']],
    ['reported if its own selector chooses such nodes', { pool: 'connected' }, ['outside']],
    ['not reported if its own selector chooses selected nodes only', { pool: 'airgapped' }, []],
  ] as const)('is, before a pod runs, %s', async (_, nodeSelector, expected) => {
    const objects = [deployment(nodeSelector)];
    expect(await reported({ objects })).toEqual(expected);
    expect(await reported({ objects, pods: [podOn(undefined)] })).toEqual(expected);
  });

  it('is not reported if all nodes are selected', async () => {
    expect(await reported({ nodes: [inside] })).toEqual([]);
  });

  it('is reported for Windows nodes, where no agent runs, but not for each workload of a mixed cluster', async () => {
    const windows = node('windows', { pool: 'airgapped' }, 'windows');
    const nodes = [inside, windows];
    expect(await reported({ nodes })).toEqual([]);
    expect(await reported({ nodes, objects: [deployment({ 'kubernetes.io/os': 'windows' })] })).toEqual([
      'windows',
    ]);
    expect(await reported({ nodes, pods: [podOn('windows')] })).toEqual(['windows']);
  });

  it('is reported with the node and the reference to use instead', async () => {
    expect(await internetFindings(contextOf({ pods: [podOn('outside')] }))).toMatchObject([
      {
        code: 'internet-image',
        why: 'node outside has no agent, and nodes without internet access can pull from ECR only',
        hint: 'Change the reference to 1.dkr.ecr.eu-west-1.amazonaws.com/shop/docker.io/library/nginx:1.27',
        causedBy: { kind: 'image', name: 'docker.io/library/nginx:1.27' },
      },
    ]);
  });

  it('counts as pulled from ECR for the pods on selected nodes only', async () => {
    const isMirrored = await mirroringForPods(contextOf({}));
    expect(isMirrored('nginx:1.27', podOn('inside'))).toBe(true);
    expect(isMirrored('nginx:1.27', podOn('outside'))).toBe(false);
    expect(isMirrored('quay.io/team/app:1', podOn('inside'))).toBe(false);
  });
});

it('reports an image of a registry that no node pulls from ECR, without a list of the nodes', async () => {
  const context = contextOf({ mirrored: [], pods: [podOn('inside')] });
  const inventory = { ...context.inventory, nodes: () => Promise.reject(new Error('no permission')) };
  const found = await internetImages({ ...context, inventory });
  expect(found).toMatchObject([{ image: 'nginx:1.27', workload: 'Deployment shop/web' }]);
  expect(found[0]?.nodeWithoutAgent).toBeUndefined();
});
