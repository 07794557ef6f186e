import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

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
/** A source whose tag moved after the ECR got it. */
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

describe('what is pinned beside a tag', () => {
  test('is present only when the ECR has that digest, whatever the tag holds', async () => {
    const images = [name, `${name}@${older}`, `${name}@${newer}`].map(wanted);
    const { calls } = world.aws.sandbox.faults;
    calls.splice(0);
    const presence = await world.mirror().presence(images, 'all');
    expect(presence.map(({ digest }) => digest)).toEqual([older, older, undefined]);
    expect(calls.filter(({ operation }) => operation === 'BatchGetImage')).toHaveLength(1);
  });

  test('lacks no platform, for everything behind the digest was copied and nothing can be added', async () => {
    const [presence] = await world.mirror().presence([wanted(`${name}@${older}`)], [amd64, s390x]);
    expect(presence).toMatchObject({ digest: older, missingPlatforms: [] });
  });

  test('goes to the ECR by its digest alone when the tag holds something else, and is current then', async () => {
    const pinned = `${name}@${newer}`;
    const [planned] = await world.mirror().plan([wanted(pinned)], world.options());
    expect(planned?.state).toBe('would-copy');
    const [copied] = await world.copy([pinned]);
    expect(copied).toMatchObject({ state: 'copied', content: 'whole', targetDigest: newer });
    expect(copied?.target).toMatch(new RegExp(`/${repository}@${newer}$`));
    expect(world.held(repository).manifest(newer)?.digest).toBe(newer);
    expect(tagged()).toBe(older);
    const [again] = await world.copy([pinned]);
    expect(again).toMatchObject({ state: 'current', targetDigest: newer, requests: 2 });
    const [presence] = await world.mirror().presence([wanted(pinned)], 'all');
    expect(presence?.digest).toBe(newer);
  });

  test('reaches a repository of immutable tags, and is copied when no tag may be overwritten', async () => {
    Object.assign(world.held(repository), { tagMutability: 'IMMUTABLE' });
    const [copied] = await world.copy([`${name}@${newer}`], { noClobber: true });
    expect(copied).toMatchObject({ state: 'copied', targetDigest: newer });
    expect(tagged()).toBe(older);
  });

  test('gets its tag as well while the ECR does not have that', async () => {
    const other = name.replace(/:1$/, ':other');
    const [copied] = await world.copy([`${other}@${newer}`]);
    expect(copied).toMatchObject({ state: 'copied', targetDigest: newer });
    expect(world.held(repository).manifest('other')?.digest).toBe(newer);
    const [again] = await world.copy([`${other}@${newer}`]);
    expect(again).toMatchObject({ state: 'current', requests: 1 });
  });
});
