import { beforeAll, describe, expect, test } from 'vitest';

import { enterWorld } from './enter.ts';
import { imagesInUse, mirrored, succeed } from './site.ts';

const all = 'docker.io/library/nginx:1.28';
const one = 'docker.io/library/redis:8';
const byDocker = 'registry.k8s.io/coredns/coredns:v1.12.1';

describe('a mirrored image, compared with its source by another tool', () => {
  const world = enterWorld();

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'mirror', '--engine', 'registry', '--platform', 'all', all);
    await succeed(await world, 'mirror', '--engine', 'registry', one);
    await succeed(await world, 'mirror', '--engine', 'docker', byDocker);
  });

  const looks = async (image: string) => {
    const { look } = await world;
    return Promise.all([look(image), look(mirrored(await world, image))]);
  };

  test('is the same to the digest when the registry engine copied all its platforms', async () => {
    const [source, copy] = await looks(all);
    expect(copy).toEqual(source);
  });

  test("is the source's manifest for the platform when the registry engine copied one", async () => {
    const [source, copy] = await looks(one);
    expect(Object.values(source.platforms)).toContain(copy.digest);
    expect(copy.config).toBe(source.config);
  });

  test('has the same content when the Docker engine copied it', async () => {
    const [source, copy] = await looks(byDocker);
    expect(copy.config).toBe(source.config);
  });
});
