import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { deleteFromEcr, deployment, health, imagesInUse, planned, referenceInEcr, succeed } from './site.ts';
import { waitFor } from './wait.ts';

const missing = 'registry.k8s.io/coredns/coredns:v1.12.1';

describe('a workload with an image that ECR does not have', () => {
  const world = openWorld();
  const warningsFor = async (image: string): Promise<readonly string[]> =>
    (await world).cluster.warnings(deployment({ namespace: 'shop', name: 'new', image }));

  beforeAll(async () => {
    await (await world).configure(imagesInUse);
    // Other scenarios may have copied it.
    await deleteFromEcr(await world, missing);
    // Other scenarios have run `down`, after which an API server does not read new lists.
    if (can('restart the API server')) await (await world).serveAdmissionPolicies(true);
    await succeed(await world, 'up', '--yes');
  });

  restoreAfterAll(async () => {
    await deleteFromEcr(await world, missing);
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  it('gets a warning from kubectl, with the command that copies the image', async () => {
    const [warning, ...others] = await warningsFor(missing);
    expect(others).toEqual([]);
    expect(warning).toMatch(/: registry\.k8s\.io\/coredns\/coredns:v1\.12\.1 is not in ECR; run: /);
    expect(warning).toMatch(/run: ecr-bootstrap mirror registry\.k8s\.io\/coredns\/coredns:v1\.12\.1$/);
  });

  it('gets a warning about the short name too', async () => {
    expect(await warningsFor('nginx:0.1')).toEqual([
      expect.stringMatching(
        /docker\.io\/library\/nginx:0\.1 is not in ECR; run: ecr-bootstrap mirror nginx:0\.1$/,
      ),
    ]);
  });

  it.each(['nginx:1.28', 'docker.io/nginx:1.28', 'index.docker.io/library/nginx:1.28', 'library/redis:8'])(
    'gets no warning about %s, which ECR has',
    async (image) => {
      expect(await warningsFor(image)).toEqual([]);
      expect(await warningsFor(referenceInEcr(await world, 'nginx:1.28'))).toEqual([]);
    },
  );

  it('gets no warning once mirror has copied the image', async () => {
    await succeed(await world, 'mirror', missing);
    await waitFor('no warning', async () => (await warningsFor(missing)).length === 0 || undefined);
    expect(await planned(await world)).toEqual([]);
  });

  it('gets a warning again when the image is deleted from ECR and up has run', async () => {
    await deleteFromEcr(await world, missing);
    const { findings } = await health(await world);
    expect(findings).toContain('image-list-outdated');
    expect(findings).not.toContain('drift');
    await succeed(await world, 'up', '--yes', '--only', 'image-warnings');
    await waitFor('the warning', async () => (await warningsFor(missing)).length === 1 || undefined);
  });

  it('gets no warning when images.warnings is off', async () => {
    const { cluster, configure } = await world;
    await configure({ ...imagesInUse, images: { ...imagesInUse.images, warnings: 'off' } });
    await succeed(await world, 'up', '--yes');
    await waitFor('no warning', async () => (await warningsFor('nginx:0.1')).length === 0 || undefined);
    expect(await cluster.list('validatingadmissionpolicies')).toEqual([]);
  });
});
