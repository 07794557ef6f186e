import { beforeAll, describe, expect, it } from 'vitest';

import { describeObjects } from './cluster-objects.ts';
import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, planned, restoreWorkloads, succeed } from './site.ts';
import { randomNumbers, seed } from './random.ts';
import type { World } from './world.ts';

/** A round takes about twenty seconds. Set a lower number when all scenarios run. */
const rounds = Number(process.env['ECR_BOOTSTRAP_LAB_KILLS'] ?? 25);

/** A first `up` waits half a minute for the operator to start. Only every fifth round starts without the operator. */
const startOf = (round: number): Start =>
  round % 5 === 0 ? 'without the operator' : 'with the operator installed';
type Start = 'without the operator' | 'with the operator installed';

/** When to kill `up`, as a fraction of its duration: a random moment in each of `rounds` equal intervals. */
const numbers = randomNumbers(seed);
const moments = Array.from({ length: rounds }, (_, round) => {
  const part = (round * 7) % rounds;
  return { start: startOf(round), done: (part + numbers.next().value) / rounds };
});

/** The result of an `up` that is not interrupted, and its duration in milliseconds. */
interface UninterruptedRun {
  readonly time: number;
  readonly account: readonly string[];
  readonly cluster: readonly string[];
}

const resetFor = (world: World, start: Start) =>
  world.reset({ keepOperator: start === 'with the operator installed' });

async function runUninterrupted(world: World, start: Start): Promise<UninterruptedRun> {
  await resetFor(world, start);
  const began = performance.now();
  await succeed(world, 'up', '--yes');
  const time = performance.now() - began;
  return { time, account: await world.describeAccount(), cluster: await describeObjects(world) };
}

describe.runIf(can('kill'))(
  `a first up killed by SIGKILL at a random moment (ECR_BOOTSTRAP_LAB_SEED=${seed})`,
  () => {
    const world = openWorld();
    const uninterrupted = new Map<Start, UninterruptedRun>();

    beforeAll(async () => {
      await (await world).configure(imagesInUse);
      await restoreWorkloads(await world);
      for (const start of ['without the operator', 'with the operator installed'] as const) {
        uninterrupted.set(start, await runUninterrupted(await world, start));
      }
    });

    restoreAfterAll(async () => {
      await succeed(await world, 'up', '--yes');
    });

    it.each(moments)(
      'is completed by the next up when it started $start and was killed at $done of its duration',
      async ({ start, done }) => {
        const { time = 0, account, cluster } = uninterrupted.get(start) ?? {};
        await resetFor(await world, start);
        await (await world).runAndKill(done * time, 'up', '--yes');
        await succeed(await world, 'up', '--yes');
        expect(await (await world).describeAccount()).toEqual(account);
        expect(await describeObjects(await world)).toEqual(cluster);
        expect(await planned(await world)).toEqual([]);
      },
    );
  },
);
