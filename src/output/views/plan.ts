import type { Change, Field, Value } from '../../core/step.ts';
import type { Finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import { Secret } from '../../core/secret.ts';
import type { Layout } from '../layout.ts';
import type { Style } from '../style.ts';
import { plural } from '../units.ts';
import type { PlanView } from '../view.ts';
import { unmanagedLines } from './unmanaged.ts';
import { findingLines } from './finding.ts';

const marks = { create: '+', update: '~', replace: '-/+', delete: '-' } as const;
const maxValueLength = 100;
const maxNamesLength = 50;

export function planLines(
  { steps, dryRun, digest, adoptBy }: PlanView,
  layout: Layout,
  verbose: boolean,
): string[] {
  const { style } = layout;
  const changes = steps.flatMap((step) => step.changes);
  const lines: string[] = [];
  for (const step of steps) {
    const showsAll = verbose || step.changes.length > 0;
    const findings = step.findings.filter((finding) => showsAll || finding.level !== 'ok');
    if (step.changes.length === 0 && findings.length === 0) continue;
    lines.push(`${style.bold(step.step)}  ${style.dim(step.title)}`);
    lines.push(...layout.indented(2, (inner) => changeLines(step.changes, inner, verbose)));
    lines.push(
      ...layout.indented(2, (inner) => findings.flatMap((finding: Finding) => findingLines(finding, inner))),
    );
  }
  lines.push(
    ...unmanagedLines(
      steps.flatMap((step) => step.unmanaged ?? []),
      adoptBy,
      layout,
      verbose,
    ),
  );
  const digestLines = dryRun && digest !== undefined ? [`Plan digest: ${digest}`] : [];
  if (changes.length === 0)
    return [...lines, dryRun ? 'Nothing would change.' : 'Nothing to change.', ...digestLines];
  return [...lines, '', summary(changes, dryRun), ...digestLines];
}

/** Counts targets. A target that two steps change counts once, with its first action. */
function summary(changes: readonly Change[], dryRun: boolean): string {
  const actions = new Map<string, Change['action']>();
  for (const { action, target } of changes) {
    if (!actions.has(nameOf(target))) actions.set(nameOf(target), action);
  }
  const counts = (['create', 'update', 'replace', 'delete'] as const)
    .map((action) => [action, [...actions.values()].filter((one) => one === action).length] as const)
    .filter(([, count]) => count > 0)
    .map(([action, count]) => `${count} to ${action}`);
  return `Plan: ${counts.join(', ')}.${dryRun ? ' Nothing was changed (dry run).' : ''}`;
}

/** One line per change. Unless verbose, changes that differ only in their target become one line with a count. */
export function changeLines(changes: readonly Change[], { style }: Layout, verbose: boolean): string[] {
  if (verbose) return changes.flatMap((change) => changeLine(change, style));
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    // Creations may differ only in their reason, which a list of names does not need.
    const reason = change.action === 'create' ? undefined : change.reason;
    const key = JSON.stringify([change.action, change.target.kind, change.fields, change.adopts, reason]);
    const group = groups.get(key);
    if (group) group.push(change);
    else groups.set(key, [change]);
  }
  return [...groups.values()].flatMap((group) =>
    group.length > 2 ? [groupLine(group, style)] : group.flatMap((change) => changeLine(change, style)),
  );
}

function groupLine(group: readonly Change[], style: Style): string {
  const [first] = group;
  if (!first) return '';
  const names = fewNames(group.map((change) => change.target.name));
  const what = `${mark(first, style)} ${plural(group.length, first.target.kind, `× ${first.target.kind}`)}`;
  return `${what} ${style.dim(`(${names.join(', ')}, … -v lists all)`)}`;
}

/** The first name, and the second one if both fit into 80 columns. */
const fewNames = ([first = '', second = '']: readonly string[]): string[] =>
  first.length + second.length > maxNamesLength ? [first] : [first, second];

function changeLine(change: Change, style: Style): string[] {
  const remarks = [...(change.adopts ? ['adopted'] : []), ...(change.reason ? [change.reason] : [])];
  const reason = remarks.length > 0 ? style.dim(`  (${remarks.join('; ')})`) : '';
  const head = `${mark(change, style)} ${nameOf(change.target)}${reason}`;
  if (change.action === 'create' || change.action === 'delete') return [head];
  return [head, ...change.fields.map((field) => `    ${fieldLine(field, style)}`)];
}

function mark(change: Change, style: Style): string {
  const paint = { create: style.good, update: style.warn, replace: style.bad, delete: style.bad };
  return paint[change.action](marks[change.action]);
}

function fieldLine(field: Field, style: Style): string {
  return `${field.path}: ${style.dim(`${valueText(field.from)} -> `)}${valueText(field.to)}`;
}

function valueText(value: Value): string {
  if (value === undefined) return '(none)';
  if (value instanceof Secret) return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
}
