import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Digest } from '../../../src/clients/registry/digest.ts';
import { wantedImages } from '../../../src/images/wanted.ts';
import type { ImagePresence } from '../../../src/mirror/images.ts';
import { completeHosts, plannedHosts, type UpstreamHost, upstreamHosts } from '../../../src/nodes/hosts.ts';
import { configSchema } from '../../../src/config/schema.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

interface Site {
  readonly images: readonly string[];
  /** Sources that ECR has. */
  readonly stored?: readonly string[];
  /** Sources that no registry has. */
  readonly lost?: readonly string[];
  readonly mirrored?: readonly string[];
  readonly config?: object;
}

function hostsOf({ images, stored = images, lost = [], mirrored = [], config = {} }: Site) {
  const settings = configSchema.parse({ project: 'myproject', aws: { region: 'eu-west-1' }, ...config });
  const user = { kind: 'Deployment', namespace: 'shop', name: 'web', images };
  const { operator, others } = wantedImages({
    naming: { project: settings.project, map: settings.images.map },
    registryHost,
    list: settings.images.list,
    exclude: settings.images.exclude,
    workloads: [user],
    agent: settings.nodes.image,
  });
  const presence = [operator, ...others].map((image): ImagePresence => {
    const base = { image, missingPlatforms: [], unavailablePlatforms: [] };
    if (lost.includes(image.source)) return { ...base, error: notFound(image.source) };
    return stored.includes(image.source) ? { ...base, digest: `sha256:${'a'.repeat(64)}` as Digest } : base;
  });
  return upstreamHosts({ registryHost, users: [user], presence, mirrored }, settings);
}

const notFound = (image: string) =>
  new BootstrapError({ code: 'image-missing', what: `no ${image}`, why: 'not found', hint: 'Correct it.' });
const missingOf = (hosts: readonly UpstreamHost[]) =>
  hosts.flatMap(({ host, missing }) => missing.map(({ image }) => `${host}: ${image}`));

describe('the registries that nodes pull from ECR', () => {
  const nginx = 'docker.io/library/nginx:1.27';
  const dns = 'registry.k8s.io/coredns/coredns:v1.13.1';

  it('are those of all used images, when ECR has them', () => {
    const hosts = hostsOf({ images: [nginx, dns] });
    expect(completeHosts(hosts)).toEqual(['docker.io', 'registry.k8s.io']);
    expect(plannedHosts(hosts)).toEqual(['docker.io', 'registry.k8s.io']);
  });

  it('are planned, but not complete, while an image is still to be copied', () => {
    const hosts = hostsOf({ images: [nginx, dns], stored: [dns] });
    expect(plannedHosts(hosts)).toEqual(['docker.io', 'registry.k8s.io']);
    expect(completeHosts(hosts)).toEqual(['registry.k8s.io']);
  });

  it('are not planned if an image cannot be copied, which is listed', () => {
    const hosts = hostsOf({
      images: [nginx, 'docker.io/library/gone:1', dns],
      stored: [nginx, dns],
      lost: ['docker.io/library/gone:1'],
    });
    expect(plannedHosts(hosts)).toEqual(['registry.k8s.io']);
    expect(missingOf(hosts)).toEqual(['docker.io: docker.io/library/gone:1']);
  });

  it('do not include one of an image that images.exclude keeps out of ECR', () => {
    const hosts = hostsOf({ images: [nginx, dns], config: { images: { exclude: ['nginx:*'] } } });
    expect(plannedHosts(hosts)).toEqual(['registry.k8s.io']);
    expect(missingOf(hosts)).toEqual([`docker.io: ${nginx}`]);
  });

  it('do not include one of an image that images.map stores under another name', () => {
    const hosts = hostsOf({
      images: [nginx, dns],
      config: { images: { map: { 'docker.io/library/nginx': 'web/nginx' } } },
    });
    expect(plannedHosts(hosts)).toEqual(['registry.k8s.io']);
    expect(missingOf(hosts)).toEqual([`docker.io: ${nginx}`]);
  });

  it("do not include one where workloads use the operator's image, which has a name of its own", () => {
    const operator = 'ghcr.io/external-secrets/external-secrets:v0.12.1';
    expect(missingOf(hostsOf({ images: [operator] }))).toEqual([`ghcr.io: ${operator}`]);
  });

  it.each([
    [
      'that others installed as their operator, by its name in ECR',
      'ghcr.io/external-secrets/external-secrets:v0.20.4',
      {},
      `Use its name in ECR in the workloads: ${registryHost}/myproject/external-secrets:v0.20.4`,
    ],
    [
      'of images.map, by that setting or its name in ECR',
      nginx,
      { 'docker.io/library/nginx': 'web/nginx' },
      `Remove it from images.map, or use its name in ECR in the workloads: ${registryHost}/myproject/web/nginx:1.27`,
    ],
  ])('can include one again with an image %s', (_, image, map, hint) => {
    const [host] = hostsOf({ images: [image], config: { images: { map } } });
    expect(host?.missing).toMatchObject([{ image, hint }]);
  });

  it('include one whose images go to the same name by images.map', () => {
    const map = { 'docker.io/library/nginx': 'docker.io/library/nginx' };
    expect(completeHosts(hostsOf({ images: [nginx], config: { images: { map } } }))).toEqual(['docker.io']);
  });

  it.each([
    ['a host with a port', 'registry.example:5000/team/app:1'],
    ['an address with a port', '127.0.0.1:5000/app:1'],
    ['localhost', 'localhost/app:1'],
    ['the ECR host', `${registryHost}/myproject/docker.io/library/nginx:1.27`],
    [
      'another name of the ECR host',
      '123456789012.dkr-ecr.eu-west-1.on.aws/myproject/docker.io/library/nginx:1.27',
    ],
    ['text that is not a reference', 'Not An Image'],
  ])('do not include %s', (_, image) => {
    expect(hostsOf({ images: [image] })).toEqual([]);
  });

  it('stay mirrored when a later image is missing, and the image is listed', () => {
    const gone = 'docker.io/library/gone:1';
    const hosts = hostsOf({ images: [nginx, gone], stored: [nginx], lost: [gone], mirrored: ['docker.io'] });
    expect(completeHosts(hosts)).toEqual(['docker.io']);
    expect(missingOf(hosts)).toEqual([`docker.io: ${gone}`]);
  });

  it('stay mirrored when no workload uses them any more', () => {
    expect(completeHosts(hostsOf({ images: [nginx], mirrored: ['quay.io'] }))).toEqual([
      'docker.io',
      'quay.io',
    ]);
  });

  it('include those of images.list', () => {
    const list = ['quay.io/team/app:1'];
    const hosts = hostsOf({ images: [], stored: list, config: { images: { list } } });
    expect(completeHosts(hosts)).toEqual(['quay.io']);
  });

  it('are exactly those of nodes.hosts, if it is a list', () => {
    const hosts = hostsOf({
      images: [nginx, dns],
      mirrored: ['docker.io', 'quay.io'],
      config: { nodes: { hosts: ['registry.k8s.io', 'ghcr.io'] } },
    });
    expect(completeHosts(hosts)).toEqual(['ghcr.io', 'registry.k8s.io']);
  });

  it('never include the ECR host, also when nodes.hosts lists it', () => {
    const config = { nodes: { hosts: [registryHost, 'docker.io'] } };
    expect(completeHosts(hostsOf({ images: [nginx], mirrored: [registryHost], config }))).toEqual([
      'docker.io',
    ]);
  });

  it.each(['nginx:1.27', 'index.docker.io/library/nginx:1.27', 'docker.io/nginx:1.27'])(
    'are found for every spelling of an image: %s',
    (image) => {
      expect(completeHosts(hostsOf({ images: [image], stored: [nginx] }))).toEqual(['docker.io']);
    },
  );
});
