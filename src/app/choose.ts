import { closest } from 'fastest-levenshtein';
import { BootstrapError } from '../errors/index.ts';
import type { Need } from '../plan/index.ts';
import type { AnyStep } from '../steps/context.ts';

export interface Choice {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
}

/**
 * The steps of `--only` and `--skip`, in their own order.
 * @throws BootstrapError `usage` for a name that is no step's
 */
export function chooseSteps(steps: readonly AnyStep[], { only = [], skip = [] }: Choice): readonly AnyStep[] {
  const known = steps.map((step) => step.id);
  for (const name of [...only, ...skip]) {
    if (!known.includes(name)) throw unknownStep(name, known);
  }
  return steps.filter((step) => (only.length === 0 || only.includes(step.id)) && !skip.includes(step.id));
}

export const needsOf = (steps: readonly AnyStep[]): ReadonlySet<Need> =>
  new Set(steps.flatMap((step) => step.needs));

const unknownStep = (name: string, known: readonly string[]): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: `choose step ${name}`,
    why: 'there is no such step',
    hint: `Did you mean ${closest(name, known)}? The steps are: ${known.join(', ')}.`,
  });
