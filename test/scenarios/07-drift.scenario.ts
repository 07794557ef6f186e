import { DeleteRepositoryCommand } from '@aws-sdk/client-ecr';
import { CreatePolicyVersionCommand, ListAttachedUserPoliciesCommand } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { expectHealthy, health, imagesInUse, namespace, planned, succeed } from './site.ts';
import type { ServiceAccount } from './site.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

async function widenPolicy({ aws }: World): Promise<void> {
  const UserName = 'image-puller';
  const { AttachedPolicies = [] } = await aws.iam.send(new ListAttachedUserPoliciesCommand({ UserName }));
  const [policy] = AttachedPolicies;
  await aws.iam.send(
    new CreatePolicyVersionCommand({
      PolicyArn: policy?.PolicyArn,
      PolicyDocument: JSON.stringify(everything),
      SetAsDefault: true,
    }),
  );
}

/** An API server keeps applying a deleted admission policy for a short time. */
async function uncover({ cluster }: World, where: string): Promise<void> {
  await waitFor('a service account without the pull secret', async () => {
    const account = await cluster.get<ServiceAccount>('serviceaccount', 'default', where);
    if (account?.imagePullSecrets === undefined) return true;
    await cluster.patch('serviceaccount', 'default', where, [{ op: 'remove', path: '/imagePullSecrets' }]);
    return undefined;
  });
}

describe('drift in the cluster and in AWS', () => {
  const world = openWorld();
  let expected: readonly string[];

  beforeAll(async () => {
    const { aws, cluster, configure, project } = await world;
    await configure(imagesInUse);
    await cluster.apply(namespace('drift'));
    await succeed(await world, 'up', '--yes');
    const repositoryName = `${project}/docker.io/library/redis`;

    const image = '/spec/template/spec/containers/0/image';
    const edited = [{ op: 'replace', path: image, value: 'quay.io/prometheus/node-exporter:v1.9.1' }];
    await cluster.patch('deployment', 'external-secrets', 'external-secrets', edited);
    // While the admission policy exists, it repairs a service account immediately.
    await cluster.remove('mutatingadmissionpolicybinding', 'ecr-bootstrap-pull-secret');
    await uncover(await world, 'drift');
    await cluster.remove('clusterexternalsecret', 'puller');
    await widenPolicy(await world);
    await aws.ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
    expected = [
      'update Deployment external-secrets/external-secrets',
      'create MutatingAdmissionPolicyBinding ecr-bootstrap-pull-secret',
      'update ServiceAccount drift/default',
      'create ClusterExternalSecret puller',
      'update IAM policy ecr-bootstrap-image-puller',
      `create ECR repository ${repositoryName}`,
      'create image docker.io/library/redis:8',
    ];
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', 'drift');
  });

  it('is reported completely by status', async () => {
    const { code, drift } = await health(await world);
    expect(code).toBe(3);
    expect([...drift].sort()).toEqual([...expected].sort());
  });

  it('is exactly what up plans to repair', async () => {
    const { registry } = await world;
    // For `status`, a list that lacks or has an image too many is no drift.
    const lists = ['docker.io', registry].map(
      (host) => `update ConfigMap external-secrets/image-list.${host}`,
    );
    expect([...(await planned(await world))].sort()).toEqual([...expected, ...lists].sort());
  });

  it('is repaired by up, which makes status healthy', async () => {
    await succeed(await world, 'up', '--yes');
    expect(await planned(await world)).toEqual([]);
    await expectHealthy(await world);
  });
});
