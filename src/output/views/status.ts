import { hoursAndMinutes } from '../../core/duration.ts';
import type { Finding } from '../../core/findings.ts';
import type { StepStatus } from '../../core/inspect.ts';
import { docsUrl } from '../../core/paths.ts';
import type { Layout } from '../layout.ts';
import { plural } from '../units.ts';
import { findingLines, levelMark } from './finding.ts';
import { changeLines } from './changes.ts';

/** The number of findings with one code that a step lists. Unless verbose, more findings are only counted. */
const maxAlike = 3;

/** @param url the page about the codes of findings; undefined in a clone */
export function statusLines(
  { steps, healthy }: { steps: readonly StepStatus[]; healthy: boolean },
  layout: Layout,
  verbose: boolean,
  url = docsUrl('reference/errors.md#findings'),
): string[] {
  const width = Math.max(...steps.map((step) => step.step.length));
  const causes = sharedCauses(steps);
  const shown = new Set(causes.flatMap(({ findings }) => findings));
  const lines = steps.flatMap((status) => {
    const { step, title, findings } = status;
    const mark = levelMark(worst(findings), layout);
    const others = { ...status, findings: findings.filter((each) => !shown.has(each)) };
    return [
      `${mark} ${layout.style.bold(step.padEnd(width))}  ${layout.style.dim(title)}`,
      ...layout.indented(4, (inner) => stepLines(others, inner, verbose)),
    ];
  });
  const hasCodes = steps.some(({ findings }) =>
    findings.some(({ level, code }) => level !== 'ok' && code !== 'drift'),
  );
  return [
    ...lines,
    ...causes.flatMap((cause) => causeLines(cause, layout)),
    '',
    ...(hasCodes && url !== undefined ? [layout.style.dim(`Codes are explained at ${url}`)] : []),
    verdict(steps, healthy, layout),
  ];
}

/** One reason why several steps could not be checked: AWS or the cluster is unreachable. */
interface Cause {
  readonly steps: readonly string[];
  readonly findings: readonly Finding[];
}

function sharedCauses(steps: readonly StepStatus[]): Cause[] {
  const causes = new Map<string, { steps: string[]; findings: Finding[] }>();
  for (const { step, findings } of steps) {
    for (const finding of findings.filter(({ code }) => code === 'not-checked')) {
      const key = JSON.stringify([finding.what, finding.why]);
      const cause = causes.get(key) ?? { steps: [], findings: [] };
      causes.set(key, cause);
      cause.steps.push(step);
      cause.findings.push(finding);
    }
  }
  return [...causes.values()].filter((cause) => cause.steps.length > 1);
}

function causeLines({ steps, findings: [finding] }: Cause, layout: Layout): string[] {
  if (!finding) return [];
  return ['', ...findingLines(finding, layout), `    ${layout.style.dim('for:')} ${steps.join(', ')}`];
}

function stepLines(status: StepStatus, layout: Layout, verbose: boolean): string[] {
  const others = status.findings.filter(({ code }) => code !== 'drift');
  const bad = others.filter(({ level }) => level !== 'ok');
  const good = others.filter(({ level }) => level === 'ok');
  return [
    ...driftLines(status, layout, verbose),
    ...listed(bad, verbose, layout),
    ...(verbose ? good.flatMap((finding) => findingLines(finding, layout)) : tokenLine(good, layout)),
  ];
}

/** The shortest time until a token of a step expires. */
function tokenLine(good: readonly Finding[], layout: Layout): string[] {
  const tokens = good.filter(({ secondsLeft }) => secondsLeft !== undefined);
  const [only, ...others] = tokens;
  if (!only) return [];
  if (others.length === 0) return findingLines(only, layout);
  const least = Math.min(...tokens.map(({ secondsLeft = 0 }) => secondsLeft));
  const span = hoursAndMinutes(least * 1000);
  return [`${levelMark('ok', layout)} tokens in ${tokens.length} namespaces are valid for at least ${span}`];
}

/** Drift as a plan shows it: the changes that `up` would make. */
function driftLines({ drift }: StepStatus, layout: Layout, verbose: boolean): string[] {
  if (drift.length === 0) return [];
  const fixes = new Set(drift.map(({ fix }) => fix ?? 'ecr-bootstrap up'));
  return [
    ...changeLines(drift, layout, verbose),
    ...[...fixes].map((fix) => `    ${layout.style.dim('fix:')} ${fix}`),
  ];
}

function listed(findings: readonly Finding[], verbose: boolean, layout: Layout): string[] {
  return groupBy(findings, ({ code }) => code).flatMap((alike) => {
    const some = verbose ? alike : alike.slice(0, maxAlike);
    const rest = alike.length - some.length;
    const more =
      rest > 0 ? [layout.style.dim(layout.text(`… and ${rest} more like this; -v lists all`))] : [];
    const lines = groupBy(some, ({ why, hint }) => `${why}\n${hint}`).flatMap((group) =>
      together(group, layout),
    );
    return [...lines, ...more];
  });
}

/** Findings with the same reason: one line each, and the reason once. */
function together(group: readonly Finding[], layout: Layout): string[] {
  return group.flatMap((finding, index) => {
    const lines = findingLines(finding, layout);
    return index === group.length - 1 ? lines : lines.slice(0, 1);
  });
}

function groupBy(findings: readonly Finding[], keyOf: (finding: Finding) => string): Finding[][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()];
}

/** The level that determines the mark of a step. */
function worst(findings: readonly Finding[]): Finding['level'] {
  const order = ['failed', 'unknown', 'warning', 'ok'] as const;
  return order.find((level) => findings.some((finding) => finding.level === level)) ?? 'ok';
}

function verdict(steps: readonly StepStatus[], healthy: boolean, layout: Layout): string {
  const all = steps.flatMap((step) => step.findings);
  const count = (level: Finding['level']) => all.filter((finding) => finding.level === level).length;
  const parts = [
    [count('failed'), 'failed'],
    [count('unknown'), 'unknown'],
    [count('warning'), count('warning') === 1 ? 'warning' : 'warnings'],
  ] as const;
  const counts = parts.filter(([amount]) => amount > 0).map(([amount, word]) => `${amount} ${word}`);
  if (healthy)
    return `${[layout.style.good('Healthy'), ...counts].join(', ')} (${plural(steps.length, 'check')}).`;
  const found = counts.length > 0 ? `: ${counts.join(', ')}` : '';
  return `${layout.style.bad('Unhealthy')}${found} (${plural(steps.length, 'check')}).`;
}
