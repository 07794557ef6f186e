import { expect, it } from 'vitest';
import { cleanupAgent, nodeAccessObjects } from '../../../src/nodes/objects.ts';
import type { Config } from '../../../src/config/schema.ts';

const config = {
  project: 'shop',
  pullSecret: { name: 'puller', copyEvery: '10m' },
  nodes: { nodeSelector: {} },
} as unknown as Config;

interface PodSpec {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
}

interface Container {
  readonly volumeMounts?: readonly { readonly name: string }[];
}

it('needs neither the Secret nor the script in the cluster when it removes the files from nodes', async () => {
  const objects = await nodeAccessObjects({
    config,
    operatorApi: 'external-secrets.io/v1beta1',
    registryHost: 'ecr.example',
    hosts: ['docker.io'],
    agentImage: 'ecr.example/agent:1',
    probeImage: 'ecr.example/probe:1',
    hasCrio: true,
  });
  const agent = objects.find(({ kind }) => kind === 'DaemonSet')!;
  const { spec } = (await cleanupAgent(agent)) as unknown as {
    readonly spec: { readonly template: { readonly spec: PodSpec } };
  };
  const { initContainers, containers, volumes } = spec.template.spec;
  expect(volumes.map(({ hostPath }) => hostPath?.path)).toEqual([
    '/etc/containerd',
    '/etc/containers',
    '/etc/crio',
  ]);
  const mounted = [...initContainers, ...containers].flatMap(({ volumeMounts = [] }) => volumeMounts);
  expect(new Set(mounted.map(({ name }) => name))).toEqual(new Set(volumes.map(({ name }) => name)));
});
