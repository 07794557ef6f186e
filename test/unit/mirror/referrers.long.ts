import { afterEach, beforeEach, expect, it } from 'vitest';
import { descriptor, jsonBlob, makeImage, mediaTypes } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.start();
});
afterEach(() => world.close());

it('reads no more referrers than a limit, and skips the others', async () => {
  const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
  world.source.put('app', '1', [image]);
  const all = Array.from({ length: 520 }, (_, number) =>
    jsonBlob(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: descriptor(image.config),
      layers: [],
      subject: descriptor(image.manifest),
      annotations: { number: String(number) },
    }),
  );
  for (const one of all) world.source.repository('app').manifests.set(one.digest, one);
  const manifests = all.map(descriptor);
  const list = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  world.source.misbehavior = ({ kind, reference }) =>
    kind === 'GET referrers' && reference === image.manifest.digest
      ? { status: 200, headers: { 'content-type': mediaTypes.index }, body: list }
      : undefined;
  const [result] = await world.engine().plan([world.wanted('app')], world.options({ referrers: true }));
  expect(result).toMatchObject({ referrers: { copied: 500, skipped: 20 } });
  const read = world.source.requests.filter(({ kind }) => kind === 'GET manifests');
  expect(read.length).toBeLessThanOrEqual(501);
}, 60_000);
