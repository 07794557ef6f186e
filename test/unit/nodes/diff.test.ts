import { expect, it } from 'vitest';
import { diffNodeAccess } from '../../../src/nodes/diff.ts';
import { type UpstreamHost, plannedHosts } from '../../../src/nodes/hosts.ts';
import type { NodeAccessState } from '../../../src/nodes/state.ts';

const image = 'docker.io/library/nginx:1.29';
const missing = [{ image, why: 'docker.io has no such image', hint: 'Correct the reference.' }];
const host = (more: Partial<UpstreamHost>): UpstreamHost => ({
  host: 'docker.io',
  isMirrored: false,
  pending: [],
  missing: [],
  ...more,
});

const findingsFor = (...hosts: readonly UpstreamHost[]) => {
  const state: NodeAccessState = {
    wanted: [],
    unwanted: [],
    isOn: true,
    hosts,
    nodeCount: 1,
    crioCount: 0,
    deselected: [],
    conflicts: [],
  };
  return diffNodeAccess(state).findings;
};

it('keeps a registry that nodes pull from ECR, and reports an image of it that ECR does not have', () => {
  const mirrored = host({ isMirrored: true, missing });
  expect(plannedHosts([mirrored])).toEqual(['docker.io']);
  expect(findingsFor(mirrored)).toMatchObject([
    {
      code: 'mirrored-image-missing',
      target: { kind: 'image', name: image },
      what: `nodes pull docker.io from ECR, which does not have ${image}`,
      why: 'docker.io has no such image',
    },
  ]);
});

it('leaves a registry out of which ECR cannot have an image, and lists the image', () => {
  const found = findingsFor(host({ missing }));
  expect(found).toMatchObject([{ code: 'host-not-mirrored', target: { name: 'docker.io' } }]);
  expect(found[0]).toMatchObject({
    what: `nodes still pull docker.io from the internet because of ${image}`,
    why: 'docker.io has no such image',
    hint: 'Correct the reference. Then run `ecr-bootstrap up`.',
    causedBy: { kind: 'image', name: image },
  });
});

it('names several images that keep a registry out, and explains the first', () => {
  const others = ['b', 'c', 'd', 'e', 'f'].map((name) => ({ image: name, why: 'gone', hint: '' }));
  const [found] = findingsFor(host({ missing: [...missing, ...others] }));
  expect(found?.what).toMatch(/because of docker\.io\/library\/nginx:1\.29, b, c, d, e and 1 more$/);
  expect(found?.why).toBe(`for example ${image}: docker.io has no such image`);
  expect(found?.causedBy).toBeUndefined();
});

it('runs a command of the fix before up', () => {
  const [found] = findingsFor(host({ missing: [{ image, why: '', hint: 'Copy it: a b' }] }));
  expect(found?.hint).toBe('Copy it: a b. Then run `ecr-bootstrap up`.');
});

it('reports nothing about an image that the run copies', () => {
  expect(
    findingsFor(host({ pending: missing }), host({ host: 'quay.io', isMirrored: true, pending: missing })),
  ).toEqual([]);
});

it.each([
  [1, 0, '/etc/containerd/certs.d/docker.io/hosts.toml on 1 node'],
  [3, 3, '/etc/containers/registries.conf.d/ecr-bootstrap-docker.io.conf on 3 nodes'],
  [
    3,
    1,
    '/etc/containerd/certs.d/docker.io/hosts.toml on 2 nodes and ' +
      '/etc/containers/registries.conf.d/ecr-bootstrap-docker.io.conf on 1 node',
  ],
])('names the files on %i nodes of which %i run CRI-O', (nodeCount, crioCount, files) => {
  const desired = { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'x' } };
  const [change] = diffNodeAccess({
    wanted: [{ desired, actual: undefined }],
    unwanted: [],
    isOn: true,
    hosts: [host({})],
    nodeCount,
    crioCount,
    deselected: [],
    conflicts: [],
  }).changes;
  expect(change?.reason).toBe(`writes ${files}`);
});
