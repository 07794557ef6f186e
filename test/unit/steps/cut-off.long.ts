import { afterEach, describe, expect, it } from 'vitest';
import type { AnyStep } from '../../../src/steps/context.ts';
import { operatorCrds } from '../../../src/steps/operator-crds.ts';
import { operator } from '../../../src/steps/operator.ts';
import { pullSecretDistribution } from '../../../src/steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../../src/steps/pull-secret-refresh.ts';
import { pullSecretBootstrap } from '../../../src/steps/pull-secret-bootstrap.ts';
import { applyStep, namesIn, planStep } from '../../contract/step-contract.ts';
import { cutOff } from '../../support/cut-off.ts';
import { OperatorWorld } from './operator-world.ts';

const steps: readonly AnyStep[] = [
  pullSecretBootstrap,
  operatorCrds,
  operator,
  pullSecretRefresh,
  pullSecretDistribution,
];

let world: OperatorWorld;
afterEach(() => world.close());

async function up(): Promise<void> {
  for (const step of steps) await applyStep(step, world);
}

describe('the steps of the secret and the operator', () => {
  it(
    'make progress in each run when every run is interrupted at its first change',
    { timeout: 300_000 },
    async () => {
      world = await OperatorWorld.start({ fast: true });
      const { faults } = world.sandbox;
      let runs = 0;
      let last: string | undefined;
      for (let ended = false; !ended; runs += 1) {
        // A pod that is recreated while all requests fail cannot pull, and the next run would recreate it again.
        const restore = cutOff(faults, last === 'delete pods' ? 2 : 1, 'lost');
        ended = await up().then(
          () => true,
          () => false,
        );
        const happened = restore();
        last = faults.calls[happened - 1]?.operation;
        expect(happened > 0, 'cut off unless it ended').toBe(!ended);
        expect(runs).toBeLessThan(200);
      }
      expect(runs).toBeGreaterThan(40);
      for (const step of steps) expect(namesIn((await planStep(step, world)).changes), step.id).toEqual([]);
    },
  );
});
