import { describe, expect, it } from 'vitest';
import type { ClusterContext } from '../../../src/cluster/context.ts';
import { pullFindings } from '../../../src/cluster/service-accounts/pulls.ts';
import { mirroring } from '../../../src/mirror/internet.ts';

const host = '1.dkr.ecr.eu-west-1.amazonaws.com';

/** What is reported about a pod whose image was not found, where nodes pull Docker Hub from ECR. */
async function findingFor(image: string, map: Readonly<Record<string, string>> = {}) {
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
    config: { pullSecret: { name: 'puller' } },
    registryHost: () => Promise.resolve(host),
    inventory: { pods: () => Promise.resolve([pod]), workloads: empty, warnings: empty },
  } as unknown as ClusterContext;
  const isMirrored = mirroring(['docker.io'], { project: 'shop', images: { map } } as Parameters<
    typeof mirroring
  >[1]);
  const [finding] = await pullFindings(ctx, { isMirrored, sourceOf: (name) => `source of ${name}` });
  return finding;
}

it.each(['nginx:1.28', 'team/app:1', 'docker.io/library/nginx:1.28', 'index.docker.io/library/nginx:1.28'])(
  'reports that ECR lacks %s, which a pod cannot pull through the mirror',
  async (image) => {
    expect(await findingFor(image)).toMatchObject({
      level: 'failed',
      what: `Pod shop/web cannot pull ${image}`,
      why: 'the image is not in ECR',
    });
  },
);

it.each([
  ['of a registry that is not mirrored', 'quay.io/team/app:1', {}],
  ['that was loaded onto a node', 'localhost/app:1', {}],
  ['that images.map stores under another name', 'nginx:1.28', { 'docker.io/library/nginx': 'web/nginx' }],
])('does not fail for an image %s, which only its owner can change', async (_, image, map) => {
  const finding = await findingFor(image, map);
  expect(finding?.level).toBe('warning');
  expect(finding?.why).toContain('not found');
});

it('fails for an image with a name in ECR', async () => {
  expect((await findingFor(`${host}/shop/web:1`))?.level).toBe('failed');
});

it('names the image at its source as the cause, so that one finding about the image is enough', async () => {
  expect((await findingFor('nginx:1.28'))?.causedBy).toEqual({ kind: 'image', name: 'source of nginx:1.28' });
});

describe('a pod that has no container yet', () => {
  const now = Date.parse('2026-01-01T00:10:00Z');
  const pause = 'registry.k8s.io/pause:3.10';
  const warning = {
    involvedObject: { uid: 'u1' },
    message: `Failed to create pod sandbox: rpc error: failed to get sandbox image "${pause}": failed to pull image "${pause}": ${pause}: not found`,
  };
  const found = async (creationTimestamp: string) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop', uid: 'u1', creationTimestamp },
      status: {
        containerStatuses: [
          { image: 'nginx', restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } },
        ],
      },
    };
    let reads = 0;
    const ctx = {
      config: { pullSecret: { name: 'puller' } },
      clock: { now: () => now },
      registryHost: () => Promise.resolve(host),
      inventory: {
        pods: () => Promise.resolve([pod]),
        workloads: () => Promise.resolve([]),
        warnings: () => Promise.resolve(((reads += 1), [warning])),
      },
    } as unknown as ClusterContext;
    const findings = await pullFindings(ctx, { isMirrored: () => true, sourceOf: (name) => name });
    return { findings, reads };
  };

  it('is reported with the pause image that its node cannot pull', async () => {
    expect((await found('2026-01-01T00:08:00Z')).findings).toMatchObject([
      { code: 'pull-failing', level: 'failed', what: `Pod shop/web cannot pull ${pause}` },
    ]);
  });

  it('is not looked up in events during its first minute', async () => {
    expect(await found('2026-01-01T00:09:30Z')).toEqual({ findings: [], reads: 0 });
  });
});

it('links to the explanation of the pod', async () => {
  expect((await findingFor('nginx:1.28'))?.hint).toBe('Run `ecr-bootstrap why pod/web -n shop`.');
});
