/** The basis of all scenarios: the lab's own components work together, without ecr-bootstrap. */
import { CreateRepositoryCommand, DeleteRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { operatorImages } from './images/catalog.ts';
import { clusters, registry } from './names.ts';
import { capture } from './process.ts';
import type { KubeObject } from '../scenarios/world.ts';
import { copyImage, ecrToken } from './skopeo.ts';
import { labWorld } from './world.ts';

const { cluster, startPod } = labWorld();
const space = 'lab-machine';
const image = `${registry}/${space}/nginx:1.28`;

interface Node extends KubeObject {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

function pullSecret(password: string): object {
  const auth = { [registry]: { username: 'AWS', password } };
  const config = Buffer.from(JSON.stringify({ auths: auth })).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'token', namespace: space },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': config },
  };
}

describe('the lab', () => {
  beforeAll(async () => {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: space } });
    await new ECRClient().send(new CreateRepositoryCommand({ repositoryName: `${space}/nginx` }));
    await copyImage('nginx:1.28', image);
    await cluster.apply(pullSecret(await ecrToken()));
  });

  afterAll(async () => {
    await cluster.remove('namespace', space);
    const repository = { repositoryName: `${space}/nginx`, force: true };
    await new ECRClient().send(new DeleteRepositoryCommand(repository));
  });

  it('has a node that is ready', async () => {
    const node = await cluster.get<Node>('node', clusters.first.node);
    expect(node?.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'True' }),
    );
  });

  it('runs a pod whose image was pulled from ECR with a token', async () => {
    expect(await startPod(space, 'with-token', image, { imagePullSecrets: [{ name: 'token' }] })).toBe(
      'Running',
    );
  });

  it('rejects the same image for a pod without a pull secret', async () => {
    // Before Kubernetes 1.35, the kubelet lets every pod use an image that is on the node.
    const container = { name: 'main', image, imagePullPolicy: 'Always' };
    const nothing = { imagePullSecrets: [{ name: 'there-is-none' }], containers: [container] };
    expect(await startPod(space, 'without', image, nothing)).toMatch(
      /^Err.*(no basic auth credentials|authentication required)/s,
    );
  });

  it('has no route from the node to a registry on the internet', async () => {
    expect(await startPod(space, 'internet', 'docker.io/library/nginx:1.28')).toMatch(/no such host/);
  });

  it('has a Docker engine that pulls from the internet and pushes to ECR', async () => {
    const [source] = operatorImages;
    const target = `${registry}/${space}/nginx:by-docker`;
    await capture('docker', ['login', '--username', 'AWS', '--password-stdin', registry], {
      input: await ecrToken(),
    });
    await capture('docker', ['pull', source]);
    await capture('docker', ['tag', source, target]);
    await capture('docker', ['push', target]);
    expect(await capture('skopeo', ['inspect', `docker://${target}`])).toContain('sha256:');
  });
});
