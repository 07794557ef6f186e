import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import {
  apiServerAnswers,
  nodeAccessConfig,
  publicImages,
  waitForContainers,
  waitForNodeTokens,
} from './nodes.ts';
import { registryToken, restoreWorkloads, succeed, waitForHealth } from './site.ts';
import { waitFor } from './wait.ts';

const lifetimeSeconds = 30;

describe.runIf(can('machines'))(
  'a control plane that was off until its token had expired, without images',
  () => {
    const world = openWorld();
    let images: readonly string[];
    let script: string;

    beforeAll(async () => {
      const { configure, nodes, advanceTime, setTokenLifetime, switchOff } = await world;
      await configure(nodeAccessConfig);
      await restoreWorkloads(await world);
      await succeed(await world, 'up', '--yes');
      images = await publicImages(await world);
      script = (await succeed(await world, 'render', 'node')).stdout;
      await setTokenLifetime(lifetimeSeconds);
      await waitForNodeTokens(await world, lifetimeSeconds);
      for (const node of nodes) await node.removeImages();
      const switchOn = await switchOff();
      await setTokenLifetime(12 * 3600);
      await advanceTime(lifetimeSeconds + 5);
      await switchOn();
    });

    restoreAfterAll(async () => {
      await (await world).setTokenLifetime(12 * 3600);
    });

    it('does not start by itself', async () => {
      await (await world).advanceTime(15);
      expect(await apiServerAnswers(await world)).toBeUndefined();
    });

    it('starts after the script of render node with a new token', async () => {
      const [node] = (await world).nodes;
      const ran = await node?.runScript(script, await registryToken(await world));
      expect(ran?.code, `${ran?.stdout}${ran?.stderr}`).toBe(0);
      await waitFor('the API server', async () => apiServerAnswers(await world), 150);
    });

    it('runs everything again after up, and is healthy', async () => {
      await succeed(await world, 'up', '--yes');
      await waitForContainers(await world, images);
      await waitForHealth(await world, 120);
    });
  },
);
