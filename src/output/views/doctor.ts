import { groupBy } from '../../core/group-by.ts';
import { findingLevels } from '../../core/finding-codes.ts';
import type { Layout } from '../layout.ts';
import { plural } from '../units.ts';
import type { CheckedPart, Diagnosis } from '../view.ts';
import { levelMark } from './finding.ts';

/**
 * One line per check, failures first, and whether `up` would fail. Checks that did not run for the same reason share a
 * line.
 */
export function doctorLines(
  { checks, ready }: { readonly checks: readonly CheckedPart[]; readonly ready: boolean },
  layout: Layout,
): string[] {
  const longest = Math.max(...checks.map(({ title }) => title.length));
  const titleWidth = Math.min(longest, Math.floor(layout.width / 3));
  const column = (title: string): string => layout.pad(layout.truncate(title, titleWidth), titleWidth);
  const rows = checks.flatMap(({ title, findings }) => findings.map((found) => ({ title, found })));
  const merged = [...groupBy(rows, reasonOf).values()].flatMap(mergedRows);
  const lines = findingLevels.flatMap((level) =>
    merged
      .filter(({ found }) => found.level === level)
      .flatMap(({ title, found }) => diagnosisLines(column(title), titleWidth, found, layout)),
  );
  return [
    ...lines,
    '',
    ...layout.wrap(
      verdict(
        rows.map(({ found }) => found),
        checks.length,
        ready,
        layout,
      ),
    ),
  ];
}

interface Row {
  readonly title: string;
  readonly found: Diagnosis;
}

const isNotChecked = ({ code }: Diagnosis): boolean => code === 'not-checked';

/** Rows with the same reason can share a line. */
const reasonOf = ({ title, found }: Row): string =>
  isNotChecked(found) ? found.why : `${title} ${found.what}`;

function mergedRows(rows: readonly Row[]): readonly Row[] {
  const [first] = rows;
  if (first === undefined || rows.length === 1 || !isNotChecked(first.found)) return rows;
  const what = rows.map(({ title }) => title).join(', ');
  return [{ title: 'Not checked', found: { ...first.found, what } }];
}

function diagnosisLines(title: string, titleWidth: number, found: Diagnosis, layout: Layout): string[] {
  const { level, code, what, why, hint } = found;
  const { dim } = layout.style;
  const first = `${levelMark(level, layout)} ${title}  `;
  const rest = ' '.repeat(titleWidth + 4);
  if (level === 'ok') return layout.wrap(what, { first, rest });
  const problem = layout.wrap(`${what}: ${why} ${dim(`[${code}]`)}`, { first, rest });
  // The check that failed first shows the fix.
  return isNotChecked(found)
    ? problem
    : [...problem, ...layout.wrap(`${dim('fix:')} ${hint}`, { first: rest, rest })];
}

function verdict(all: readonly Diagnosis[], checks: number, ready: boolean, { style }: Layout): string {
  const count = (...levels: readonly Diagnosis['level'][]): number =>
    all.filter(({ level }) => levels.includes(level)).length;
  const counts = [
    ...(ready ? [] : [plural(count('failed'), 'problem')]),
    ...(count('unknown') > 0 ? [`${count('unknown')} not checked`] : []),
    ...(count('warning') > 0 ? [plural(count('warning'), 'warning')] : []),
  ];
  const details = counts.length > 0 ? `: ${counts.join(', ')}` : '';
  const text = ready ? style.good('Ready for up') : style.bad('up would fail');
  return `${text}${details} (${plural(checks, 'check')}).`;
}
