import type { Finding } from '../../core/findings.ts';
import type { Layout } from '../layout.ts';

/** A finding: the problem with its code, and unless it is OK, the reason and the fix. */
export function findingLines(finding: Finding, layout: Layout): string[] {
  const { what, why, hint, lines = [], level, code } = finding;
  const { dim } = layout.style;
  const mark = `${levelMark(level, layout)} `;
  if (level === 'ok') return layout.wrap(what, { first: mark });
  return [
    ...layout.wrap(`${what} ${dim(`[${code}]`)}`, { first: mark }),
    ...layout.wrap(why, { first: `    ${dim('why:')} ` }),
    ...layout.wrap(hint, { first: `    ${dim('fix:')} ` }),
    ...lines.flatMap((line) => layout.wrap(line, { first: '        ' })),
  ];
}

export function levelMark(level: Finding['level'], { style, marks }: Layout): string {
  return {
    ok: style.good(marks.ok),
    warning: style.warn(marks.warning),
    failed: style.bad(marks.failed),
    unknown: style.warn(marks.unknown),
  }[level];
}
