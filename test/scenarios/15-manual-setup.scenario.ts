import { CreateRepositoryCommand, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import {
  expectHealthy,
  imagesInUse,
  namespace,
  planned,
  restoreWorkloads,
  succeed,
  waitForPods,
} from './site.ts';
import type { World } from './world.ts';

const operatorNamespace = 'external-secrets';
const release = 'https://github.com/external-secrets/external-secrets/releases/download/v0.12.1';
const upstream = 'external-secrets/external-secrets:v0.12.1';

/** One pull secret with the current token, as `kubectl create secret docker-registry` creates it. */
async function pullSecret({ aws, registry }: World): Promise<object> {
  const { authorizationData = [] } = await aws.ecr.send(new GetAuthorizationTokenCommand());
  const auth = authorizationData[0]?.authorizationToken ?? '';
  const password = Buffer.from(auth, 'base64').toString().replace(/^AWS:/, '');
  const config = { auths: { [registry]: { username: 'AWS', password, auth } } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: operatorNamespace, name: 'puller' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify(config) },
  };
}

const patch = (kind: string, name: string, path: string, value: string) => ({
  target: { kind, name },
  patch: JSON.stringify([{ op: 'replace', path, value }]),
});
const args = '/spec/template/spec/containers/0/args';

/** The official YAML as the manual guide changes it: the namespace, the image from ECR and the pull secret. */
const kustomization = ({ registry, project }: World): object => ({
  namespace: operatorNamespace,
  resources: [`${release}/external-secrets.yaml`],
  images: [
    {
      name: 'oci.external-secrets.io/external-secrets/external-secrets',
      newName: `${registry}/${project}/external-secrets`,
    },
  ],
  patches: [
    {
      target: { kind: 'ServiceAccount' },
      patch: JSON.stringify([{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'puller' }] }]),
    },
    patch(
      'Deployment',
      'external-secrets-cert-controller',
      `${args}/3`,
      `--service-namespace=${operatorNamespace}`,
    ),
    patch(
      'Deployment',
      'external-secrets-cert-controller',
      `${args}/5`,
      `--secret-namespace=${operatorNamespace}`,
    ),
    patch(
      'Deployment',
      'external-secrets-webhook',
      `${args}/2`,
      `--dns-name=external-secrets-webhook.${operatorNamespace}.svc`,
    ),
  ],
});

describe.runIf(can('other tools'))('a bootstrap that was set up manually', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { aws, cluster, configure, copyImage, project, registry, reset } = await world;
    await configure(imagesInUse);
    await restoreWorkloads(await world);
    await reset();
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: `${project}/external-secrets` }));
    await copyImage(`ghcr.io/${upstream}`, `${registry}/${project}/external-secrets:v0.12.1`);
    await cluster.apply(namespace(operatorNamespace));
    await cluster.apply(await pullSecret(await world));
    await cluster.applyKustomization(kustomization(await world));
    await waitForPods(await world, operatorNamespace);
  });

  restoreAfterAll(async () => {
    await (await world).reset();
    await succeed(await world, 'up', '--yes');
  });

  it('is adopted by up', async () => {
    await succeed(await world, 'up', '--yes', '--adopt-all');
    await expectHealthy(await world);
    expect(await planned(await world)).toEqual([]);
  });
});
