import { BootstrapError } from '../core/errors.ts';
import type { Need } from '../core/step.ts';
import type { AnyStep } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { closestWord } from '../core/suggestion.ts';

export interface StepSelection {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
}

/**
 * The steps that `--only` and `--skip` select, in their own order.
 * @throws BootstrapError `usage` for an unknown step, and when no step is left
 */
export function selectSteps(
  steps: readonly AnyStep[],
  { only, skip = [] }: StepSelection,
): readonly AnyStep[] {
  const known = steps.map((step) => step.id);
  for (const name of [...(only ?? []), ...skip]) {
    if (!known.includes(name)) throw unknownStep(name, known);
  }
  const chosen = steps.filter(({ id }) => (only?.includes(id) ?? true) && !skip.includes(id));
  if (chosen.length === 0) throw noStep(only, known);
  return chosen;
}

export const needsOf = (steps: readonly AnyStep[]): ReadonlySet<Need> =>
  new Set(steps.flatMap((step) => step.needs));

/** Whether these are all steps. Together they always read the pods, the longest list of a large cluster. */
export const areAllSteps = (chosen: readonly AnyStep[]): boolean => chosen.length === steps.length;

const unknownStep = (name: string, known: readonly string[]): BootstrapError => {
  const near = closestWord(name, known);
  return new BootstrapError({
    code: 'usage',
    what: `unknown step ${name}`,
    why: 'there is no such step',
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}The steps are: ${known.join(', ')}.`,
  });
};

const noStep = (only: StepSelection['only'], known: readonly string[]): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'no step is selected',
    why: only?.length === 0 ? '--only selects no step' : '--skip skips every step',
    hint: `Name at least one step. The steps are: ${known.join(', ')}.`,
  });
