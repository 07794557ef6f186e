import { expect, it } from 'vitest';
import type { Digest } from '../../../src/clients/registry/digest.ts';
import { UsedImages } from '../../../src/images/used.ts';

const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const digest = `sha256:${'a'.repeat(64)}` as Digest;
const usedBy = (reference: string, map = {}): UsedImages => {
  const used = new UsedImages({ project: 'shop', map }, host);
  used.addReference(reference);
  return used;
};

it.each([
  ['nginx', 'shop/docker.io/library/nginx', 'latest'],
  ['index.docker.io/library/nginx:1', 'shop/docker.io/library/nginx', '1'],
  [`nginx:1@${digest}`, 'shop/docker.io/library/nginx', '1'],
  [`${host}/shop/docker.io/library/nginx:1`, 'shop/docker.io/library/nginx', '1'],
  [`${host}:443/shop/own:2`, 'shop/own', '2'],
  ['oci.external-secrets.io/external-secrets/external-secrets:v1', 'shop/external-secrets', 'v1'],
])('finds the name in ECR of %s', (reference, repository, tag) => {
  expect(usedBy(reference).hasTag(repository, tag)).toBe(true);
});

it('follows images.map', () => {
  const used = usedBy('nginx:1', { 'docker.io/library/nginx': 'web/nginx' });
  expect(used.hasTag('shop/web/nginx', '1')).toBe(true);
  expect(used.hasTag('shop/docker.io/library/nginx', '1')).toBe(false);
});

it.each([`nginx@${digest}`, `nginx:1@${digest}`, `${host}/shop/own@${digest}`])(
  'uses the digest of %s',
  (reference) => {
    expect(usedBy(reference).hasDigest(digest)).toBe(true);
  },
);

it.each(['{{ .Values.image }}', 'UPPER/case', `nginx@sha256:12`, 'ghcr.io/a__b/c:1'])(
  'ignores %s, which ECR cannot have',
  (reference) => {
    expect(() => usedBy(reference)).not.toThrow();
    expect(usedBy(reference).hasDigest(digest)).toBe(false);
  },
);

const running = (id: string): UsedImages => {
  const used = usedBy('nginx');
  used.addRunning(id);
  return used;
};

it.each([`docker.io/library/nginx@${digest}`, `docker-pullable://nginx@${digest}`])(
  'uses the manifest that a runtime reports as %s',
  (id) => {
    expect(running(id).hasDigest(digest)).toBe(true);
    expect(running(id).configs.size).toBe(0);
  },
);

it.each([digest, `docker://${digest}`])(
  'uses the image with the config that a runtime reports as %s',
  (id) => {
    expect([...running(id).configs]).toEqual([digest]);
  },
);

it.each(['', 'nginx', 'docker.io/library/nginx:1'])(
  'ignores %j, which a runtime reports without a digest',
  (id) => {
    expect(running(id).hasDigest(digest)).toBe(false);
  },
);
