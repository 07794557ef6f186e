import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countOf, MirrorWorld, wanted } from '../../support/mirror.ts';

const [amd64, arm64, s390x] = ['linux/amd64', 'linux/arm64', 'linux/s390x'] as const;

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

let name: string;
let repository: string;
let older: string;
let newer: string;
let count = 0;
/** A source whose tag moved after ECR received the image. */
beforeEach(async () => {
  count += 1;
  name = `quay.io/pinned-${count}:1`;
  repository = `myproject/quay.io/pinned-${count}`;
  const seed = (base: string) =>
    world.source('quay.io').seed(`pinned-${count}`, '1', { base: [base], platforms: [amd64, arm64] }).digest;
  older = seed('older');
  await world.copy([name]);
  newer = seed('newer');
  world.operations();
});

const tagged = () => world.held(repository).manifest('1')?.digest;

describe('an image that is pinned in addition to its tag', () => {
  it('is present only when ECR has that digest, whatever the tag points to', async () => {
    const images = [name, `${name}@${older}`, `${name}@${newer}`].map(wanted);
    const { calls } = world.aws.sandbox.faults;
    calls.splice(0);
    const presence = await world.mirror().presence(images, 'all');
    expect(presence.map(({ digest }) => digest)).toEqual([older, older, undefined]);
    expect(calls.filter(({ operation }) => operation === 'BatchGetImage')).toHaveLength(1);
  });

  it('is absent when it is pinned to a SHA-512 digest, and does not prevent the look-up of others', async () => {
    const images = [name, `${name}@sha512:${'a'.repeat(128)}`].map(wanted);
    const presence = await world.mirror().presence(images, 'all');
    expect(presence.map(({ digest }) => digest)).toEqual([older, undefined]);
  });

  it('lacks no platform, because the digest was copied completely and nothing can be added', async () => {
    const [presence] = await world.mirror().presence([wanted(`${name}@${older}`)], [amd64, s390x]);
    expect(presence).toMatchObject({ digest: older, missingPlatforms: [] });
  });

  it('is stored in ECR only by its digest when the tag points to something else, and is then current', async () => {
    const pinned = `${name}@${newer}`;
    const [planned] = await world.mirror().plan([wanted(pinned)], world.options());
    expect(planned?.state).toBe('would-copy');
    const [copied] = await world.copy([pinned]);
    expect(copied).toMatchObject({ state: 'copied', content: 'whole', targetDigest: newer });
    expect(copied?.target).toMatch(new RegExp(`/${repository}@${newer}$`));
    expect(world.held(repository).manifest(newer)?.digest).toBe(newer);
    expect(tagged()).toBe(older);
    const [again] = await world.copy([pinned]);
    expect(again).toMatchObject({ state: 'current', targetDigest: newer, requests: 1 });
    const [presence] = await world.mirror().presence([wanted(pinned)], 'all');
    expect(presence?.digest).toBe(newer);
  });

  it('is copied to a repository with immutable tags, and when no tag may be overwritten', async () => {
    Object.assign(world.held(repository), { tagMutability: 'IMMUTABLE' });
    const [copied] = await world.copy([`${name}@${newer}`], { noClobber: true });
    expect(copied).toMatchObject({ state: 'copied', targetDigest: newer });
    expect(tagged()).toBe(older);
  });

  describe('whose tag ECR does not have', () => {
    const tag = 'other';
    let image: string;
    beforeEach(() => {
      image = name.replace(/:1$/, `:${tag}`);
    });
    const held = () => world.held(repository).manifest(tag)?.digest;
    const moveTagTo = (base: string) =>
      world.source('quay.io').seed(`pinned-${count}`, tag, { base: [base], platforms: [amd64, arm64] })
        .digest;

    it('also gets the tag when the tag resolves to that digest at the source', async () => {
      const digest = moveTagTo('current');
      const [copied] = await world.copy([`${image}@${digest}`]);
      expect(copied).toMatchObject({ state: 'copied', targetDigest: digest });
      expect(copied?.target).toMatch(/:other$/);
      expect(held()).toBe(digest);
      const [again] = await world.copy([`${image}@${digest}`]);
      expect(again).toMatchObject({ state: 'current', requests: 1 });
    });

    it('is stored only by its digest when the tag has moved at the source', async () => {
      const old = moveTagTo('old');
      const current = moveTagTo('current');
      const [copied] = await world.copy([`${image}@${old}`]);
      expect(copied).toMatchObject({ state: 'copied', targetDigest: old });
      expect(copied?.target).toMatch(new RegExp(`/${repository}@${old}$`));
      expect(held()).toBeUndefined();
      const [plain] = await world.copy([image]);
      expect(plain).toMatchObject({ state: 'copied', targetDigest: current });
      expect(held()).toBe(current);
    });

    it('is stored only by its digest when the source has no such tag', async () => {
      const [copied] = await world.copy([`${image}@${newer}`]);
      expect(copied).toMatchObject({ state: 'copied', targetDigest: newer });
      expect(held()).toBeUndefined();
      const [presence] = await world.mirror().presence([wanted(`${image}@${newer}`)], 'all');
      expect(presence?.digest).toBe(newer);
    });

    it('is stored only by its digest when the source rejects the look-up of the tag', async () => {
      const digest = moveTagTo('current');
      const fault = { service: 'source', operation: 'HeadManifest', kind: 'deny' } as const;
      const recover = world.aws.sandbox.faults.plan(fault);
      const [copied] = await world.copy([`${image}@${digest}`]);
      expect(recover()).toBeGreaterThan(0);
      expect(copied).toMatchObject({ state: 'copied', targetDigest: digest });
      expect(held()).toBeUndefined();
    });

    it('is looked up in ECR by its digest and by its tag before it is copied', async () => {
      const digest = moveTagTo('current');
      world.operations();
      await world.mirror().plan([wanted(`${image}@${digest}`)], world.options());
      expect(countOf(world.operations())['registry HeadManifest']).toBe(2);
    });
  });
});
