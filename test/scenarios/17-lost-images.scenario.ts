import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import {
  waitForContainers,
  removeEveryImage,
  publicImages,
  nodeAccessConfig,
  waitForNodeTokens,
} from './nodes.ts';
import {
  deployment,
  namespace,
  planned,
  restoreWorkloads,
  succeed,
  waitForHealth,
  waitForPods,
} from './site.ts';

const lifetimeSeconds = 45;
const isPublicName = (name: string) => !/\.(amazonaws\.com|cluster\.local)$/.test(name);

describe('a cluster that cannot reach the internet and whose nodes have lost every image', () => {
  const world = openWorld({ untouched: true });
  let images: readonly string[];
  let restoreInternet: () => Promise<void>;
  let requestsBefore = 0;
  let namesBefore = 0;

  beforeAll(async () => {
    const { breakInternet, configure, requestedNames, nodeRequests } = await world;
    await configure(nodeAccessConfig);
    await restoreWorkloads(await world);
    images = await publicImages(await world);
    await succeed(await world, 'up', '--yes');
    restoreInternet = await breakInternet();
    if (can('request log')) requestsBefore = (await nodeRequests()).length;
    if (can('DNS log')) namesBefore = (await requestedNames()).length;
  });

  restoreAfterAll(async () => {
    const { cluster, nodes, setTokenLifetime } = await world;
    await restoreInternet();
    await setTokenLifetime(12 * 3600);
    for (const node of nodes) await node.configureContainerd('default');
    await cluster.remove('namespace', 'plug');
  });

  it('names images of public registries, in workloads and in static pods', () => {
    expect(images).toContain('nginx:1.28');
    expect(images.filter((image) => /^registry\.k8s\.io\/kube-apiserver:/.test(image))).toHaveLength(1);
  });

  it('runs everything again from ECR under the same names', async () => {
    await removeEveryImage(await world);
    await waitForContainers(await world, images);
  });

  it('is healthy then', async () => {
    await waitForHealth(await world);
    expect(await planned(await world)).toEqual([]);
  });

  it('runs a pod that is created in the same second as its namespace', async () => {
    const pod = deployment({ namespace: 'plug', name: 'web', image: 'nginx:1.28' });
    await (await world).cluster.apply(namespace('plug'), pod);
    await waitForPods(await world, 'plug');
  });

  it('runs everything again after two lives of a token', async () => {
    const { advanceTime, setTokenLifetime } = await world;
    await setTokenLifetime(lifetimeSeconds);
    await waitForNodeTokens(await world, lifetimeSeconds);
    await advanceTime(2 * lifetimeSeconds);
    // The clock of a sandbox jumps, and the renewals that were due follow.
    await waitForNodeTokens(await world, lifetimeSeconds);
    await removeEveryImage(await world);
    await waitForContainers(await world, images);
  });

  it.runIf(can('node shell')).each(['one config_path', 'local pull'] as const)(
    'runs everything again where containerd is configured with %s',
    async (variant) => {
      const { nodes, setTokenLifetime } = await world;
      await setTokenLifetime(12 * 3600);
      for (const node of nodes) await node.configureContainerd(variant);
      await removeEveryImage(await world);
      await waitForContainers(await world, images);
    },
  );

  it.runIf(can('request log'))('sends the token to the registry only', async () => {
    const requests = (await (await world).nodeRequests()).slice(requestsBefore);
    const withToken = requests.filter(({ hasToken }) => hasToken).map(({ host }) => host);
    expect(new Set(withToken)).toEqual(new Set([(await world).registry]));
    expect(requests.filter(({ host }) => host.includes('.s3.')).length).toBeGreaterThan(0);
  });

  it.runIf(can('DNS log'))('resolves no public name', async () => {
    const names = (await (await world).requestedNames()).slice(namesBefore);
    expect(names.filter(isPublicName)).toEqual([]);
  });
});
