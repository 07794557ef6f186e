import type { Finding, StepStatus } from '../../plan/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../units.ts';
import { findingLines, levelMark } from './finding.ts';
import { changeLines } from './plan.ts';

/** More findings alike in one step are counted, not listed, unless verbose. */
const mostAlike = 5;

export function statusLines(
  { steps, healthy }: { steps: readonly StepStatus[]; healthy: boolean },
  style: Style,
  verbose: boolean,
): string[] {
  const width = Math.max(...steps.map((step) => step.step.length));
  const lines = steps.flatMap((step) => stepLines(step, width, style, verbose));
  return [...lines, '', verdict(steps, healthy, style)];
}

function stepLines(status: StepStatus, width: number, style: Style, verbose: boolean): string[] {
  const { step, title, findings } = status;
  const head = `${levelMark(worst(findings), style)} ${style.bold(step.padEnd(width))}  ${style.dim(title)}`;
  const others = findings.filter(({ code, level }) => code !== 'drift' && (verbose || level !== 'ok'));
  const lines = [...driftLines(status, style, verbose), ...listed(others, verbose, style)];
  return [head, ...lines.map((line) => `    ${line}`)];
}

/** What differs, as the plan shows it: that is what `up` would do about it. */
function driftLines({ drift }: StepStatus, style: Style, verbose: boolean): string[] {
  if (drift.length === 0) return [];
  return [...changeLines(drift, style, verbose), `    ${style.dim('do: ')} ecr-bootstrap up`];
}

function listed(findings: readonly Finding[], verbose: boolean, style: Style): string[] {
  const byCode = new Map<string, Finding[]>();
  for (const finding of findings) byCode.set(finding.code, [...(byCode.get(finding.code) ?? []), finding]);
  return [...byCode.values()].flatMap((alike) => {
    const some = verbose ? alike : alike.slice(0, mostAlike);
    const rest = alike.length - some.length;
    const more = rest > 0 ? [style.dim(`… and ${rest} more alike; -v lists all`)] : [];
    return [...some.flatMap((finding) => findingLines(finding, style)), ...more];
  });
}

/** The level that decides how a step, or the whole, is marked. */
export function worst(findings: readonly Finding[]): Finding['level'] {
  const order = ['failed', 'unknown', 'warning', 'ok'] as const;
  return order.find((level) => findings.some((finding) => finding.level === level)) ?? 'ok';
}

function verdict(steps: readonly StepStatus[], healthy: boolean, style: Style): string {
  const all = steps.flatMap((step) => step.findings);
  const count = (level: Finding['level']) => all.filter((finding) => finding.level === level).length;
  const parts = [
    [count('failed'), 'failed'],
    [count('unknown'), 'not seen'],
    [count('warning'), count('warning') === 1 ? 'warning' : 'warnings'],
  ] as const;
  const told = parts.filter(([amount]) => amount > 0).map(([amount, word]) => `${amount} ${word}`);
  const rest = told.length > 0 ? ` (${told.join(', ')})` : '';
  if (healthy) return `${style.good('Healthy')}: ${plural(steps.length, 'part')} looked at${rest}.`;
  return `${style.bad('Not healthy')}${rest}.`;
}
