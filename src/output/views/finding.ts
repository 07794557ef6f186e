import type { Finding } from '../../plan/index.ts';
import type { Style } from '../style.ts';

/** A finding in up to three lines: what, why, what to do. */
export function findingLines(finding: Finding, style: Style): string[] {
  const { what, why, hint, level } = finding;
  const lines = [`${levelMark(level, style)} ${what}`];
  if (level === 'ok') return lines;
  lines.push(`    ${style.dim('why:')} ${why}`, `    ${style.dim('do: ')} ${hint}`);
  return lines;
}

export function levelMark(level: Finding['level'], style: Style): string {
  return { ok: style.good('✓'), warning: style.warn('!'), failed: style.bad('✗'), unknown: style.warn('?') }[
    level
  ];
}
