import { afterAll, beforeAll, expect, it } from 'vitest';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

const [archived, active] = ['quay.io/archived:1', 'quay.io/active:1'].map(wanted);
if (!archived || !active) throw new Error('both are there');

it('reports an archived image as archived, with how to restore it', async () => {
  for (const { repository } of [archived, active]) world.aws.sandbox.aws.registry.seed(repository, '1');
  const held = world.held(archived.repository);
  held.archived.add(held.tags.get('1') ?? '');
  const [first, second] = await world.mirror().presence([archived, active], 'all');
  expect(first?.error).toMatchObject({
    code: 'image-inaccessible',
    why: expect.stringContaining('ImageInaccessible') as string,
    hint: expect.stringContaining(
      `update-image-storage-class --repository-name ${archived.repository} --image-id imageTag=1 --target-storage-class STANDARD`,
    ) as string,
  });
  expect(second).toMatchObject({ digest: world.held(active.repository).tags.get('1') });
  expect(second?.error).toBeUndefined();
});

it('reports an image as absent when ECR does not have it', async () => {
  world.aws.sandbox.aws.registry.addRepository('myproject/quay.io/absent');
  const [absent] = await world.mirror().presence([wanted('quay.io/absent:1')], 'all');
  expect(absent).toEqual({
    image: wanted('quay.io/absent:1'),
    missingPlatforms: [],
    unavailablePlatforms: [],
  });
});
