import { afterAll, beforeAll, expect, test } from 'vitest';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

const hour = 3_600_000;

test('continues with a new token when the token expires during a run', async () => {
  const images = ['quay.io/a:1', 'quay.io/b:1'].map(wanted);
  world.source('quay.io').seed('a', '1');
  world.source('quay.io').seed('b', '1');
  world.addRepositories(images);
  const { clock, faults } = world.aws.sandbox;
  let uploads = 0;
  const stop = faults.onCall(({ operation }) => {
    if (operation === 'FinishUpload' && (uploads += 1) === 2) clock.advance(13 * hour);
  });
  const results = await world.mirror().copy(images, world.options());
  stop();
  expect(results.map(({ state, error }) => error?.message ?? state)).toEqual(['copied', 'copied']);
});
