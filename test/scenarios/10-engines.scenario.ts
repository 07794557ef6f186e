import { DeleteRepositoryCommand } from '@aws-sdk/client-ecr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld } from './open-world.ts';
import { imagesInUse, referenceInEcr, succeed } from './site.ts';

const set = [
  'docker.io/library/nginx:1.28',
  'docker.io/library/redis:8',
  'quay.io/prometheus/node-exporter:v1.9.1',
  'registry.k8s.io/coredns/coredns:v1.12.1',
];

/** Each engine mirrors into its own project, because an existing image is not copied again. */
const projects = { whole: 'engines-whole', onePlatform: 'engines-platform', docker: 'engines-docker' };

describe.runIf(can('other tools'))('a mirrored image compared with its source by skopeo', () => {
  const world = openWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    const mirror = async (project: string, ...options: string[]) =>
      succeed(await world, 'mirror', '--project', project, ...options, ...set);
    await mirror(projects.whole, '--engine', 'registry', '--platform', 'all');
    await mirror(projects.onePlatform, '--engine', 'registry');
    await mirror(projects.docker, '--engine', 'docker');
  });

  afterAll(async () => {
    const { ecr } = (await world).aws;
    for (const project of Object.values(projects)) {
      for (const image of set) {
        const repositoryName = `${project}/${image.replace(/:.*/, '')}`;
        await ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
      }
    }
  });

  const digestsOfBoth = async (project: string, image: string) => {
    const { readDigests } = await world;
    return Promise.all([
      readDigests(image),
      readDigests(referenceInEcr({ ...(await world), project }, image)),
    ]);
  };

  it.each(set)(
    '%s has the digest of its source when the registry engine copied all platforms',
    async (image) => {
      const [source, copy] = await digestsOfBoth(projects.whole, image);
      expect(copy).toEqual(source);
    },
  );

  it.each(set)(
    '%s is the source manifest of the platform when the registry engine copied one platform',
    async (image) => {
      const [source, copy] = await digestsOfBoth(projects.onePlatform, image);
      expect(Object.values(source.platforms)).toContain(copy.digest);
      expect(copy.config).toBe(source.config);
    },
  );

  it.each(set)('%s has the image config of its source when the Docker engine copied it', async (image) => {
    const [source, copy] = await digestsOfBoth(projects.docker, image);
    expect(copy.config).toBe(source.config);
  });
});
