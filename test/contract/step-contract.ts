import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { nameOf } from '../../src/core/target.ts';
import type { Change, Diff, RemovalScope } from '../../src/core/step.ts';
import type { Context, Run, Step } from '../../src/steps/context.ts';

/** A sandbox for one step, and a context on it. */
export interface StepWorld {
  /** Creates a new context for each observation. */
  context(): Context;
  close(): Promise<void>;
}

/** A change outside the step. */
export interface Drift<World extends StepWorld> {
  readonly name: string;
  corrupt(world: World): Promise<void> | void;
  /** The complete plan that the drift must cause: `KIND NAME: PATH`, or `KIND NAME` for a create or delete. */
  readonly plans: readonly string[] | ((world: World) => readonly string[]);
}

export interface StepContract<State, World extends StepWorld> {
  readonly step: Step<State>;
  /** Creates a world with everything that the step builds upon, and nothing of the step itself. */
  fresh(): Promise<World>;
  readonly drifts: readonly Drift<World>[];
}

/** Runs the contract of every step: it plans what is missing, its plan works, and afterwards it plans only drift. */
export function describeStepContract<State, World extends StepWorld>(
  contract: StepContract<State, World>,
): void {
  const { step } = contract;
  const open: World[] = [];
  /** A world in which the step plans nothing. Each drift is repaired, so the next one can use the same world. */
  let settled: World | undefined;
  const start = async (): Promise<World> => {
    const world = await contract.fresh();
    open.push(world);
    return world;
  };
  const applied = async (): Promise<World> => {
    const world = await start();
    await applyStep(step, world);
    return world;
  };

  afterEach(async () => {
    const others = open.splice(0).filter((world) => world !== settled);
    await Promise.all(others.map((world) => world.close()));
  });
  afterAll(() => settled?.close());

  describe(`step ${step.id}`, () => {
    it('plans changes when nothing exists yet', async () => {
      const { changes } = await planStep(step, await start());
      expect(changes).not.toEqual([]);
    });

    it('plans nothing after its plan was applied', async () => {
      const world = await applied();
      const { changes } = await planStep(step, world);
      expect(namesIn(changes)).toEqual([]);
      settled = world;
    });

    it.each(contract.drifts)('plans exactly the drift and repairs it: $name', async ({ corrupt, plans }) => {
      const world = settled ?? (await applied());
      // It belongs to the next test only if this one passes.
      settled = undefined;
      if (!open.includes(world)) open.push(world);
      await corrupt(world);
      const { changes } = await planStep(step, world);
      expect(namesIn(changes)).toEqual([...(typeof plans === 'function' ? plans(world) : plans)].sort());
      await applyStep(step, world);
      expect(namesIn((await planStep(step, world)).changes)).toEqual([]);
      settled = world;
    });
  });
}

export async function planStep<State, C extends Change>(
  step: Step<State, C>,
  world: StepWorld,
): Promise<Diff<C>> {
  const ctx = world.context();
  return step.diff(await step.observe(ctx), ctx);
}

/** Plans, applies and waits until the result works. A failed change fails the test with its error. */
export async function applyStep<State>(step: Step<State>, world: StepWorld): Promise<void> {
  const ctx = world.context();
  const state = await step.observe(ctx);
  const { changes: all, findings } = step.diff(state, ctx);
  // Optional adoptions need an explicit request.
  const changes = all.filter(({ adopts }) => adopts?.optional !== true);
  expect(findings.filter((finding) => finding.blocking)).toEqual([]);
  for (const outcome of await step.apply(changes, state, runOf(ctx))) {
    if (outcome.result === 'failed') throw outcome.error;
    expect(outcome.result).toBe('done');
  }
  const after = world.context();
  await step.ready?.(await step.observe(after), runOf(after));
}

/** What `down` removes without flags. */
export const clusterOnly: RemovalScope = { identities: false, images: false, secrets: false };

/** A run without any output. */
export function runOf(ctx: Context, signal: AbortSignal = new AbortController().signal): Run {
  return { ctx, signal, emit: () => undefined };
}

/** Changes in the notation of the contract: one line per field, or one for the target when there are no fields. */
export function namesIn(changes: readonly Change[]): string[] {
  return changes
    .flatMap(({ action, target, fields }) =>
      action === 'update' || action === 'replace'
        ? fields.map(({ path }) => `${nameOf(target)}: ${path}`)
        : [nameOf(target)],
    )
    .sort();
}
