import { beforeAll, describe, expect, test } from 'vitest';

import { census } from './census.ts';
import { can, enterWorld, tidyUp } from './enter.ts';
import { imagesInUse, planned, settle, succeed } from './site.ts';
import { randomNumbers, seed } from './random.ts';
import type { World } from './world.ts';

/** About twenty seconds each, so a check of everything may want fewer. */
const rounds = Number(process.env['ECR_BOOTSTRAP_LAB_KILLS'] ?? 25);

/** A first `up` waits for half a minute on the operator's start; every fifth round is one, the others find it there. */
const startOf = (round: number): Start => (round % 5 === 0 ? 'from nothing' : 'beside the operator');
type Start = 'from nothing' | 'beside the operator';

/** How far a first `up` has come, of its whole time: a random moment of each of as many equal parts. */
const numbers = randomNumbers(seed);
const moments = Array.from({ length: rounds }, (_, round) => {
  const part = (round * 7) % rounds;
  return { start: startOf(round), done: (part + numbers.next().value) / rounds };
});

/** What an `up` that nobody disturbs leaves, and how long it takes in milliseconds. */
interface Undisturbed {
  readonly time: number;
  readonly account: readonly string[];
  readonly cluster: readonly string[];
}

const startOver = (world: World, start: Start) =>
  world.startOver({ keepOperator: start === 'beside the operator' });

async function bringUp(world: World, start: Start): Promise<Undisturbed> {
  await startOver(world, start);
  const began = Date.now();
  await succeed(world, 'up', '--yes');
  const time = Date.now() - began;
  return { time, account: await world.account(), cluster: await census(world) };
}

describe.runIf(can('kill'))(
  `a first up, ended by SIGKILL at a random moment (ECR_BOOTSTRAP_LAB_SEED=${seed})`,
  () => {
    const world = enterWorld();
    const undisturbed = new Map<Start, Undisturbed>();

    beforeAll(async () => {
      await (await world).configure(imagesInUse);
      await settle(await world);
      for (const start of ['from nothing', 'beside the operator'] as const) {
        undisturbed.set(start, await bringUp(await world, start));
      }
    });

    tidyUp(async () => {
      await succeed(await world, 'up', '--yes');
    });

    test.each(moments)('$start, at $done of its time', async ({ start, done }) => {
      const { time = 0, account, cluster } = undisturbed.get(start) ?? {};
      await startOver(await world, start);
      await (await world).runAndKill(done * time, 'up', '--yes');
      await succeed(await world, 'up', '--yes');
      expect(await (await world).account()).toEqual(account);
      expect(await census(await world)).toEqual(cluster);
      expect(await planned(await world)).toEqual([]);
    });
  },
);
