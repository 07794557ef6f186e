import type { Change } from './step.ts';

/**
 * Labels the creations that a line of a plan shows. The line does not count the others, because these stand for them.
 * @param labelOf undefined for a change that the line does not count
 */
export const labeled = <C extends Change>(
  changes: readonly C[],
  labelOf: (change: C) => string | undefined,
): C[] =>
  changes.map((change) =>
    change.action === 'create' ? { ...change, label: labelOf(change) ?? '' } : change,
  );
