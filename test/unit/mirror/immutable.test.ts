import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copiesOf, missingPlatformsFinding } from '../../../src/mirror/copies.ts';
import type { WantedImage } from '../../../src/images/wanted.ts';
import type { MirrorOptions } from '../../../src/mirror/engine.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

const [amd64, arm64, s390x] = ['linux/amd64', 'linux/arm64', 'linux/s390x'] as const;
const repository = 'myproject/ecr-bootstrap.invalid/probe';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
  world.aws.sandbox.aws.registry.addRepository(repository).tagMutability = 'IMMUTABLE';
});
afterAll(() => world.close());

let image: WantedImage;
let count = 0;
const seed = (base: string, platforms: readonly string[] = [amd64, arm64]) =>
  world.source('quay.io').seed(`tools-${count}`, '1', { base: [base], platforms: [...platforms] }).digest;
beforeEach(() => {
  count += 1;
  image = {
    ...wanted(`ecr-bootstrap.invalid/probe:1-${count}`),
    copyOf: `quay.io/tools-${count}:1`,
  };
});

const onAmd64: Partial<MirrorOptions> = { platforms: { anyOf: [amd64] } };
const copy = async (more = onAmd64) => (await world.mirror().copy([image], world.options(more)))[0];
const presence = async (...anyOf: string[]) => (await world.mirror().presence([image], { anyOf }))[0];
const tagged = () => world.held(repository).manifest(image.tag)?.digest;

describe('the image that nodes run as root', () => {
  it('is copied for all platforms of its source, because its tag cannot move when another node joins', async () => {
    const digest = seed('one');
    expect(await copy()).toMatchObject({ state: 'copied', content: 'whole', targetDigest: digest });
    const found = await presence(amd64, arm64);
    expect(found).toMatchObject({ digest, missingPlatforms: [], unavailablePlatforms: [] });
  });

  it('stays what it is when the tag of its source moves', async () => {
    const digest = seed('one');
    await copy();
    const newer = seed('two');
    expect(await copy()).toMatchObject({ state: 'kept', sourceDigest: newer });
    expect((await world.mirror().plan([image], world.options(onAmd64)))[0]?.state).toBe('kept');
    expect(tagged()).toBe(digest);
  });

  it('is reported if it lacks a platform of the nodes, with the fix, and no change is planned', async () => {
    seed('one', [amd64]);
    await copy();
    const found = await presence(amd64, s390x);
    if (!found) throw new Error('the presence is missing');
    expect(copiesOf([found])).toEqual([]);
    expect(missingPlatformsFinding(image, found.unavailablePlatforms, 'ok')).toMatchObject({
      what: `quay.io/tools-${count}:1 is not available for linux/s390x`,
      hint: expect.stringContaining('nodes.image') as string,
    });
  });

  it('fails with a fix when another run has copied other content meanwhile, and keeps that', async () => {
    const digest = seed('one');
    await copy();
    const held = world.held(repository);
    held.tags.delete(image.tag);
    seed('two');
    const undo = world.aws.sandbox.faults.onCall(({ service, operation }) => {
      if (service === 'registry' && operation === 'PutManifest') held.tags.set(image.tag, digest);
    });
    const result = await copy();
    undo();
    expect(result?.state).toBe('failed');
    expect(result?.error?.hint).toMatch(/Run the same command again/);
    expect(tagged()).toBe(digest);
    expect((await presence(amd64))?.digest).toBe(digest);
  });
});
