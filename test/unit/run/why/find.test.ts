import { expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import { createInventory } from '../../../../src/cluster/inventory.ts';
import { configSchema } from '../../../../src/config/schema.ts';
import { parseReference } from '../../../../src/images/reference.ts';
import { findSubject } from '../../../../src/run/why/find.ts';
import type { Context } from '../../../../src/steps/context.ts';
import { clusterWith } from '../../../support/object-table.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

const object = (apiVersion: string, kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(kind !== 'Node' && { namespace: 'shop' }) },
  ...more,
});
const podSpec = (image: string) => ({ containers: [{ name: 'main', image }] });
const templateOf = (image: string) => ({ spec: { template: { spec: podSpec(image) } } });

const find = (image: string, objects: readonly KubeObject[], settings: object = {}) => {
  const config = configSchema.parse({ project: 'demo', aws: { region: 'eu-west-1' }, ...settings });
  const cluster = clusterWith(objects);
  const ctx = {
    config,
    cluster,
    inventory: createInventory(cluster, config),
    registryHost: () => Promise.resolve(registryHost),
  } as unknown as Context;
  return findSubject({ image, reference: parseReference(image) }, 'default', ctx);
};

it('names everything that makes pods with an image, by its public name or its name in ECR', async () => {
  const found = await find('nginx:1.28', [
    object('apps/v1', 'Deployment', 'web', templateOf('docker.io/library/nginx:1.28')),
    object(
      'v1',
      'ReplicationController',
      'old',
      templateOf(`${registryHost}/demo/docker.io/library/nginx:1.28`),
    ),
    object('v1', 'PodTemplate', 'task', {
      template: { spec: podSpec('index.docker.io/library/nginx:1.28') },
    }),
    object('apps/v1', 'Deployment', 'other', templateOf('nginx:1.27')),
  ]);
  expect(found.users).toEqual([
    'Deployment shop/web',
    'ReplicationController shop/old',
    'PodTemplate shop/task',
  ]);
});

it('names the nodes that use an image as their pause image, while nodes pull from ECR', async () => {
  const node = object('v1', 'Node', 'node-1', {
    status: { images: [{ names: ['registry.k8s.io/pause:3.10'] }] },
  });
  const on = { nodes: { access: 'on' } };
  expect((await find('registry.k8s.io/pause:3.10', [node], on)).users).toEqual(['Node node-1']);
  expect((await find('registry.k8s.io/pause:3.10', [node])).users).toEqual([]);
});

it('names the configuration that lists an image', async () => {
  const settings = { images: { list: ['docker.io/library/redis:8'] } };
  expect((await find('redis:8', [], settings)).users).toEqual(['images.list']);
});

it('names a pod once, by its controller, and one that has ended only if nothing else uses its image', async () => {
  const pod = (name: string, owner: string, phase: string): KubeObject => {
    const made = object('v1', 'Pod', name, { spec: podSpec('nginx:1.28'), status: { phase } });
    const reference = { apiVersion: 'batch/v1', kind: 'Job', name: owner, uid: owner, controller: true };
    return { ...made, metadata: { ...made.metadata, ownerReferences: [reference] } };
  };
  const [runs, ended] = [pod('run-1', 'run', 'Running'), pod('done-1', 'done', 'Succeeded')];
  const found = await find('nginx:1.28', [runs, ended]);
  expect([found.users, found.pod?.metadata.name]).toEqual([['Job shop/run'], 'run-1']);
  expect((await find('nginx:1.28', [ended])).users).toEqual(['Job shop/done']);
});

it('suggests the type of an object that looks like an image', async () => {
  await expect(find('deploymnt/web', [])).rejects.toMatchObject({
    code: 'object-missing',
    hint: expect.stringContaining('Did you mean deployment/web?') as string,
  });
});
