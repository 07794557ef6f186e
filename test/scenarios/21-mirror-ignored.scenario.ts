import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { nodeAccessConfig } from './nodes.ts';
import { causeOfFailure, health, imagesInUse, succeed, waitForHealth } from './site.ts';
import type { CommandResult } from './world.ts';

describe('a node whose containerd ignores the mirror files', () => {
  const world = openWorld();
  let up: CommandResult;

  beforeAll(async () => {
    const { cluster, configure, nodes, run } = await world;
    await configure(nodeAccessConfig);
    await nodes[0]?.setReadsMirrors(false);
    // A probe of an earlier scenario would run for the rest of its hour.
    for (const { metadata } of await cluster.list('pods', 'ecr-bootstrap')) {
      await cluster.remove('pod', metadata.name, 'ecr-bootstrap');
    }
    up = await run('up', '--yes');
  });

  restoreAfterAll(async () => {
    const { configure, nodes } = await world;
    await nodes[0]?.setReadsMirrors(true);
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  it('makes up fail', () => {
    expect(up.code, up.stdout + up.stderr).toBe(1);
  });

  it('is reported by status, with the lines to add to its configuration', async () => {
    const { code, findings } = await health(await world);
    expect(code).toBe(3);
    expect(findings).toContain('node-mirror-inactive');
    const { stdout } = await (await world).run('status');
    expect(stdout).toMatch(/config_path = "\/etc\/containerd\/certs\.d"/);
    expect(stdout).toMatch(/systemctl restart containerd/);
  });

  it('is what why names for a pod that cannot pull', async () => {
    expect(await causeOfFailure(await world, 'shop', 'nginx:1.28')).toBe('mirror-ignored');
  });

  it('is healthy by itself once containerd reads them', async () => {
    await (await world).nodes[0]?.setReadsMirrors(true);
    await waitForHealth(await world, 180);
  });
});
