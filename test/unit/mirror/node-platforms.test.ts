import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Platforms } from '../../../src/core/platform.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterAll(() => world.close());

const [amd, arm, win] = ['linux/amd64', 'linux/arm64', 'windows/amd64'] as const;
const odd = 'plan9/mips';
const nodes = (...anyOf: string[]): Platforms => ({ anyOf });

let count = 0;
/** An image at a source under a unique name. Without platforms, its config has none, like that of an artifact. */
function seed(platforms: readonly string[]): string {
  const name = `nodes-${(count += 1)}`;
  world.source('quay.io').seed(name, '1', { platforms: platforms.length > 0 ? platforms : [''] });
  return `quay.io/${name}:1`;
}

/** What `up` and `status` observe, and the result of a copy. */
async function trial(name: string, platforms: Platforms) {
  const look = async () => {
    const [presence] = await world.mirror().presence([wanted(name)], platforms);
    return {
      isThere: presence?.digest !== undefined,
      lacks: presence?.missingPlatforms,
      without: presence?.unavailablePlatforms,
    };
  };
  const before = await look();
  const [copied] = await world.copy([name], { platforms });
  const after = await look();
  const [again] = await world.copy([name], { platforms });
  return {
    before,
    copied: copied?.error?.code ?? copied?.state,
    after,
    again: again?.error?.code ?? again?.state,
  };
}

const missing = 'image-platform-missing';
describe("an image for the nodes' platforms", () => {
  it.each([
    // source, nodes, in ECR before; platforms to copy; result of the copy; platforms that the source does not have
    [[amd], [amd], [], [], 'copied', []],
    [[amd], [amd, arm], [], [], 'copied', [arm]],
    [[amd], [amd, arm], [amd], [arm], 'current', [arm]],
    [[amd], [amd, win], [], [], 'copied', []],
    [[amd], [amd, win], [amd], [], 'current', []],
    [[amd], [arm, win], [], [], missing, []],
    [[amd], [odd], [], [], missing, []],
    [[amd], [odd, amd], [], [], 'copied', []],
    [[amd], [odd, amd], [amd], [], 'current', []],
    [[amd, arm], [amd], [], [], 'copied', []],
    [[amd, arm], [amd, arm], [], [], 'copied', []],
    [[amd, arm], [amd, arm], [amd], [arm], 'moved', []],
    [[amd, arm], [amd, arm], [amd, arm], [], 'current', []],
    [[amd, arm], [amd, arm, 'linux/s390x'], [amd, arm], ['linux/s390x'], 'current', ['linux/s390x']],
    [[amd, arm], [amd, win], [amd], [], 'current', []],
    [[amd, arm], [odd, arm], [amd], [odd, arm], 'moved', []],
    [[win], [amd, win], [], [], 'copied', []],
    [[win], [amd, win], [win], [], 'current', []],
    [[win], [amd, arm], [], [], missing, []],
    [[win], [amd, arm], [win], [amd, arm], missing, []],
    [[amd, win], [amd, win], [], [], 'copied', []],
    [[], [amd], [], [], 'copied', []],
    [[], [amd, arm, win, odd], [], [], 'copied', []],
    [[], [odd], [], [], 'copied', []],
  ] as const)('of %j on nodes %j with %j in ECR', async (source, on, held, lacks, copied, without) => {
    const name = seed(source);
    if (held.length > 0) await world.copy([name], { platforms: held });
    const seen = await trial(name, nodes(...on));
    const isCopied = copied !== missing;
    const isThere = isCopied || held.length > 0;
    expect(seen).toEqual({
      before: { isThere: held.length > 0, lacks, without: [] },
      copied,
      after: { isThere, lacks: isCopied ? [] : lacks, without },
      again: isCopied ? 'current' : missing,
    });
  });

  it('causes no further request to its source, whether the source has all of them or not', async () => {
    const name = seed([amd]);
    await world.copy([name], { platforms: nodes(amd, arm) });
    world.forget();
    const asked = world.aws.sandbox.faults.calls.length;
    const [presence] = await world.mirror().presence([wanted(name)], nodes(amd, arm));
    expect(presence).toMatchObject({ missingPlatforms: [], unavailablePlatforms: [arm] });
    const calls = world.aws.sandbox.faults.calls.slice(asked);
    expect(calls.filter(({ service }) => service === 'source')).toEqual([]);
  });

  it('is looked up again when its tag points to something else, which may have another platform', async () => {
    const name = seed([amd]);
    await world.copy([name], { platforms: nodes(amd, arm) });
    world.source('quay.io').seed(name.slice(8, -2), '1', { platforms: [amd], base: ['newer'] });
    await world.copy([name], { platforms: [amd] });
    const [presence] = await world.mirror().presence([wanted(name)], nodes(amd, arm));
    expect(presence).toMatchObject({ missingPlatforms: [arm], unavailablePlatforms: [] });
  });
});

describe('an image for an explicit list of platforms', () => {
  it.each([
    [[amd], [amd, arm], [], missing],
    [[amd], [amd, arm], [amd], missing],
    [[amd], [amd, win], [], missing],
    [[amd, arm], [amd, arm], [amd], 'moved'],
    [[], [amd, arm], [], 'copied'],
  ] as const)('of %j must have each of %j, with %j in ECR', async (source, platforms, held, copied) => {
    const name = seed(source);
    if (held.length > 0) await world.copy([name], { platforms: held });
    expect((await trial(name, platforms)).copied).toBe(copied);
  });
});
