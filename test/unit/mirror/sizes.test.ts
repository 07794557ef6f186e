import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sizesOf } from '../../../src/mirror/sizes.ts';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
beforeEach(async () => (world = await EngineWorld.start()));
afterEach(() => world.close());

const amd64 = { os: 'linux', architecture: 'amd64' };
type Image = ReturnType<typeof makeImage>;
const bytesOf = ({ config, layers }: Image): number =>
  [config, ...layers].reduce((sum, { bytes }) => sum + bytes.length, 0);

describe('the sizes of images to copy', () => {
  it('are the bytes of their blobs, and a blob of several images counts once', async () => {
    const [one, two] = ['of one', 'of two'].map((text) => makeImage(amd64, ['a shared base', text]));
    world.source.put('one', '1', [one!]);
    world.source.put('two', '1', [two!]);
    const images = ['one', 'two'].map((name) => world.wanted(name));
    const sizes = await sizesOf(images, world.options(), world.engine());
    expect(sizes.get(images[0]!)).toBe(bytesOf(one!));
    expect(sizes.get(images[1]!)).toBe(bytesOf(two!) - two!.layers[0]!.bytes.length);
  });

  it('cover only the platforms that are copied', async () => {
    const [wanted, other] = [
      makeImage(amd64, ['small']),
      makeImage({ ...amd64, architecture: 'arm64' }, ['x'.repeat(99)]),
    ];
    world.source.put('app', '1', [wanted, other]);
    const image = world.wanted('app');
    const sizes = await sizesOf([image], world.options({ platforms: ['linux/amd64'] }), world.engine());
    expect(sizes.get(image)).toBe(bytesOf(wanted));
  });

  it('are missing for an image that its source does not have', async () => {
    const image = makeImage(amd64, ['content']);
    world.source.put('app', '1', [image]);
    const [app, gone] = ['app', 'gone'].map((name) => world.wanted(name));
    const sizes = await sizesOf([app!, gone!], world.options(), world.engine());
    expect([...sizes]).toEqual([[app, bytesOf(image)]]);
  });

  it('need no request that the copy would not need too', async () => {
    const images = [makeImage(amd64, ['content']), makeImage({ ...amd64, architecture: 'arm64' }, ['other'])];
    world.source.put('app', '1', images);
    const plain = await world.copy(['app']);
    const needed = world.source.counts();
    world.source.requests.splice(0);
    const image = { ...world.wanted('app'), repository: 'p/again' };
    world.target.repository('p/again');
    const engine = world.engine();
    await sizesOf([image], world.options(), engine);
    const [copied] = await engine.copy([image], world.options());
    expect(copied).toMatchObject({ state: 'copied', sourceDigest: plain[0]?.sourceDigest });
    const { 'HEAD manifests': looks = 0, ...reads } = world.source.counts();
    expect(looks).toBe(1);
    expect(reads['GET manifests']).toBe(needed['GET manifests']);
  });

  it('do not keep a copy from the content that a later look found', async () => {
    const [older, newer] = ['older', 'newer'].map((text) => makeImage(amd64, [text]));
    world.source.put('app', '1', [older!]);
    const image = world.wanted('app');
    const engine = world.engine();
    await sizesOf([image], world.options(), engine);
    world.source.put('app', '1', [newer!]);
    await engine.find(image, new AbortController().signal);
    const [copied] = await engine.copy([image], world.options());
    expect(copied).toMatchObject({ state: 'copied', sourceDigest: newer!.manifest.digest });
  });
});
