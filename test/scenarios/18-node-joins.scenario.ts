import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { waitForContainers, nodeAccessConfig } from './nodes.ts';
import { registryToken, succeed, waitForHealth } from './site.ts';
import type { Pod } from './site.ts';
import { waitFor } from './wait.ts';
import type { NewNode } from './world.ts';

/** Its image was never on the new machine, and neither was the pause image. */
const image = 'docker.io/library/nginx:1.28';
const staticPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'edge', namespace: 'kube-system' },
  spec: { hostNetwork: true, containers: [{ name: 'edge', image }] },
};

describe.runIf(can('machines'))('a node that joins the cluster', () => {
  const world = openWorld();
  let machine: NewNode;
  let script: string;

  beforeAll(async () => {
    await (await world).configure(nodeAccessConfig);
    await succeed(await world, 'up', '--yes');
    script = (await succeed(await world, 'render', 'node')).stdout;
    machine = await (await world).addMachine();
    const manifest = 'cat > /etc/kubernetes/manifests/edge.yaml';
    await machine.runScript(manifest, JSON.stringify(staticPod));
  });

  restoreAfterAll(async () => {
    await machine.remove();
  });

  it('gets its mirror files from the script of render node, which has no token in it', async () => {
    const token = await registryToken(await world);
    const { code, stdout, stderr } = await machine.runScript(script, token);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).not.toContain(token);
    const files = Object.keys(await machine.files());
    expect(files).toContain('/etc/containerd/certs.d/registry.k8s.io/hosts.toml');
  });

  it('starts its static pod from ECR, with the pause image', async () => {
    await machine.join();
    await waitFor('the static pod', async () => {
      const pod = await (await world).cluster.get<Pod>('pod', `edge-${machine.name}`, 'kube-system');
      return pod?.status.phase === 'Running' || undefined;
    });
  });

  it('gets an agent that keeps its files, and is part of a healthy cluster', async () => {
    await waitForContainers(await world, [image]);
    await waitForHealth(await world);
  });

  it('loses its files by the script of render node --remove', async () => {
    const removal = (await succeed(await world, 'render', 'node', '--remove')).stdout;
    const { code, stdout, stderr } = await machine.runScript(removal);
    expect(code, stdout + stderr).toBe(0);
  });
});
