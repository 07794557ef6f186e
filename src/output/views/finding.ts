import type { Finding } from '../../core/findings.ts';
import type { Style } from '../style.ts';

/** A finding: the problem with its code, and unless it is OK, the reason and the fix. */
export function findingLines(finding: Finding, style: Style): string[] {
  const { what, why, hint, lines = [], level, code } = finding;
  const head = `${levelMark(level, style)} ${what}`;
  if (level === 'ok') return [head];
  return [
    `${head} ${style.dim(`[${code}]`)}`,
    `    ${style.dim('why:')} ${why}`,
    `    ${style.dim('fix:')} ${hint}`,
    ...lines.map((line) => `        ${line}`),
  ];
}

export function levelMark(level: Finding['level'], style: Style): string {
  return { ok: style.good('✓'), warning: style.warn('!'), failed: style.bad('✗'), unknown: style.warn('?') }[
    level
  ];
}
