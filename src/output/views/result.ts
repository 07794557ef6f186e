import { nameOf, sortedFailures } from '../../core/helpers.ts';
import type { Style } from '../style.ts';
import { plural } from '../units.ts';
import type { View } from '../view.ts';

export function resultLines(data: Extract<View, { type: 'result' }>['data'], style: Style): string[] {
  const members = data.steps.flatMap(({ failures }) => failures);
  const lines = members.flatMap(({ error }) => [
    `${style.bad('✗')} ${error.message}`,
    `    ${style.dim('do: ')} ${error.hint}`,
  ]);
  const unknown = data.steps.flatMap(({ outcomes }) => outcomes.filter(({ result }) => result === 'unknown'));
  for (const { change } of unknown) {
    lines.push(
      `${style.warn('?')} ${change.action} ${nameOf(change.target)}: unknown, it was still in flight when the run ended`,
    );
  }
  // A failure that ended the run is shown as the run's error.
  const fatal = data.steps.flatMap(({ outcomes }) =>
    outcomes.filter((outcome) => outcome.result === 'failed' && !outcome.tolerable),
  );
  const { missing, failed } = sortedFailures(members);
  const counts = [
    ...(failed.length + fatal.length > 0 ? [`${failed.length + fatal.length} failed`] : []),
    ...(missing.length > 0 ? [`${missing.length} skipped`] : []),
  ];
  if (unknown.length > 0) counts.push(`${unknown.length} unknown`);
  const late = data.unplanned > 0 ? `, ${data.unplanned} of them found during the run` : '';
  if (counts.length > 0) {
    lines.push(`${[`${plural(data.changed, 'change')} done${late}`, ...counts].join(', ')}.`);
  } else if (data.changed > 0) {
    lines.push(`${style.good('Done')}: ${plural(data.changed, 'change')}${late}.`);
  }
  if (data.next.length > 0) lines.push('', 'Left for you:', ...data.next.map((line) => `  - ${line}`));
  return lines;
}
