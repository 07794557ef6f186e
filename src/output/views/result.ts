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
  for (const outcome of failed) {
    const { what, why, hint } = outcome.error;
    lines.push(`${style.bad('✗')} ${what}: ${why}`, `    ${style.dim('do: ')} ${hint}`);
  }
  if (data.changed > 0 || failed.length > 0) {
    const rest = failed.length > 0 ? `, ${failed.length} failed` : '';
    lines.push(`${style.good('Done')}: ${plural(data.changed, 'change')}${rest}.`);
  }
  if (data.next.length > 0) lines.push('', 'Left for you:', ...data.next.map((line) => `  - ${line}`));
  return lines;
}
