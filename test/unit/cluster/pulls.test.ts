import { expect, it } from 'vitest';
import type { ClusterContext } from '../../../src/cluster/context.ts';
import { pullFindings } from '../../../src/cluster/service-accounts/pulls.ts';
import { mirroring } from '../../../src/mirror/internet.ts';

/** What is reported about a pod whose image was not found, where nodes pull Docker Hub from ECR. */
async function hintFor(
  image: string,
  map: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const message = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
    status: {
      containerStatuses: [
        { image, restartCount: 0, state: { waiting: { reason: 'ErrImagePull', message } } },
      ],
    },
  };
  const empty = () => Promise.resolve([]);
  const ctx = {
    config: { aws: { region: 'eu-west-1' }, pullSecret: { name: 'puller' } },
    registryHost: () => Promise.resolve('1.dkr.ecr.eu-west-1.amazonaws.com'),
    inventory: { pods: () => Promise.resolve([pod]), workloads: empty, warnings: empty },
  } as unknown as ClusterContext;
  const isMirrored = mirroring(['docker.io'], { project: 'shop', images: { map } } as Parameters<
    typeof mirroring
  >[1]);
  const [finding] = await pullFindings(ctx, isMirrored);
  return finding?.hint;
}

it.each(['nginx:1.28', 'team/app:1', 'docker.io/library/nginx:1.28', 'index.docker.io/library/nginx:1.28'])(
  'reports that a pod cannot pull %s with the command that copies it to ECR',
  async (image) => {
    expect(await hintFor(image)).toBe(`Copy it: ecr-bootstrap mirror ${image}`);
  },
);

it.each([
  ['of a registry that is not mirrored', 'quay.io/team/app:1', {}],
  ['that was loaded onto a node', 'localhost/app:1', {}],
  ['that images.map stores under another name', 'nginx:1.28', { 'docker.io/library/nginx': 'web/nginx' }],
])('does not say that an image %s would only have to be copied', async (_, image, map) => {
  expect(await hintFor(image, map)).toContain('use the name in ECR: ecr-bootstrap images');
});
