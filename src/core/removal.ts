import type { AnyStep, Diff } from './step.ts';

interface Removal {
  /** What the step itself observed. */
  readonly state: unknown;
  readonly diff: Diff;
}

/** The same step the other way round: its plan is what `down` takes away; nothing for a step that leaves all it did. */
export function removalOf<Ctx>(step: AnyStep<Ctx>): AnyStep<Ctx> {
  const { id, title, needs, readsLag } = step;
  return {
    id,
    title,
    needs,
    ...(readsLag ? { readsLag } : {}),
    observe: async (ctx): Promise<Removal> => {
      const state: unknown = await (step.observeRemoval?.(ctx) ?? step.observe(ctx));
      return { state, diff: (await step.remove?.(state, ctx)) ?? { changes: [], findings: [] } };
    },
    diff: ({ diff }: Removal) => diff,
    apply: (changes, { state }: Removal, run) => step.apply(changes, state, run),
    ready: async (_, run) => step.removed?.(run),
  };
}
