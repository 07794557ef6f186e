import type { StepResult } from '../../plan/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../units.ts';

export function resultLines(
  data: { steps: readonly StepResult[]; changed: number; next: readonly string[] },
  style: Style,
): string[] {
  const outcomes = data.steps.flatMap((step) => step.outcomes);
  const failed = outcomes.filter((outcome) => outcome.result === 'failed');
  const lines: string[] = [];
  for (const { error, tolerable } of failed) {
    // The one that ended the run is told as the run's error.
    if (tolerable) lines.push(`${style.bad('✗')} ${error.message}`, `    ${style.dim('do: ')} ${error.hint}`);
  }
  if (failed.length > 0) {
    lines.push(`${plural(data.changed, 'change')} done, ${failed.length} failed.`);
  } else if (data.changed > 0) {
    lines.push(`${style.good('Done')}: ${plural(data.changed, 'change')}.`);
  }
  if (data.next.length > 0) lines.push('', 'Left for you:', ...data.next.map((line) => `  - ${line}`));
  return lines;
}
