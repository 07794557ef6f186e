import stringWidth from 'fast-string-width';
import { hoursAndMinutes } from '../../core/duration.ts';
import { findingCodes, type FindingDescription, findingLevels } from '../../core/finding-codes.ts';
import type { Finding } from '../../core/findings.ts';
import { tally } from '../../core/group-by.ts';
import type { StepStatus } from '../../core/inspect.ts';
import { type Fact, type HealthyGroup, healthOf, type Problem } from '../../core/problems.ts';
import type { Change } from '../../core/step.ts';
import { nameOf } from '../../core/target.ts';
import type { Layout } from '../layout.ts';
import type { Verbosity } from '../reporter.ts';
import { plural } from '../units.ts';
import type { Header, StatusView } from '../view.ts';
import { changeLines, countOf } from './changes.ts';
import { findingLines, levelMark } from './finding.ts';

/** Columns of the mark and the title of a group. */
const indent = 16;
/** Lines of one reason, and facts besides the first, that a problem shows. -v shows all. */
const maxReasonLines = 2;
const maxOthers = 2;
/** More problems with one fix than this have one line each. */
const maxDetailed = 2;
/** Columns of the name of a step. */
const maxStepWidth = 26;
/** Columns for the names of affected objects. */
const maxNamesWidth = 32;
/** Kinds that a sentence about drift names. */
const maxKinds = 2;
/** Columns in which codes are at the right edge. On a wider terminal they would be far from their fixes. */
const maxCodeEdge = 100;

export interface StatusScreen {
  readonly header: Header;
  readonly data: StatusView;
}

/**
 * The verdict, the problems with their fixes, and one line for each healthy group. The verdict is repeated at
 * the end, because the beginning of a long text scrolls away. With -v, all findings by step.
 */
export function statusLines({ header, data }: StatusScreen, layout: Layout, verbosity: Verbosity): string[] {
  const verdict = layout.wrap(verdictText(data, layout));
  if (verbosity === 'quiet') return verdict;
  const first = [...headerLines(header, data, layout), '', ...verdict, ''];
  if (verbosity === 'verbose') {
    return [...first, ...data.steps.flatMap((step) => stepLines(step, layout)), '', ...verdict];
  }
  const { problems, healthy } = healthOf(data.steps);
  const groups = healthy.map((group) => healthyLine(group, layout));
  if (problems.length === 0) return [...first, ...groups];
  const more = 'Everything: ecr-bootstrap status -v   A code: ecr-bootstrap explain CODE';
  return [
    ...first,
    ...byFix(problems).flatMap((same) => sameFixLines(same, layout)),
    ...(groups.length > 0 ? ['', ...groups] : []),
    '',
    layout.style.dim(layout.truncate(more, layout.width)),
    ...verdict,
  ];
}

function headerLines(header: Header, { time }: StatusView, layout: Layout): string[] {
  const clock = new Date(time).toTimeString().slice(0, 8);
  const parts = [
    header.project,
    [header.account, header.region].filter(Boolean).join(' '),
    [header.context, header.version].filter(Boolean).join(' '),
    clock,
  ].filter(Boolean);
  const line = layout.truncate(parts.join(` ${layout.marks.separator} `), layout.width);
  const sandbox = header.sandbox ? ['SANDBOX: no real resources are used'] : [];
  return [...sandbox, line].map(layout.style.dim);
}

function verdictText({ verdict, counts }: StatusView, { style }: Layout): string {
  const { problems, warnings, checks, notChecked } = counts;
  const found = [
    ...(problems > 0 ? [plural(problems, 'problem')] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ].join(', ');
  const unknown = notChecked > 0 ? `, ${notChecked} could not run` : '';
  const suffix = `(${plural(checks, 'check')}${unknown})`;
  if (verdict === 'healthy') return `${style.good('Healthy')}${found && `, ${found}`} ${suffix}.`;
  return `${style.bad('Unhealthy')}: ${found} ${suffix}.`;
}

function healthyLine({ title, summaries, secondsLeft }: HealthyGroup, layout: Layout): string {
  const texts = [...tokenText(secondsLeft), ...summaries];
  const text = texts.length > 0 ? texts.join(', ') : 'OK';
  return rowStart('ok', title, layout) + layout.truncate(text, layout.width - indent);
}

function tokenText(secondsLeft: readonly number[]): string[] {
  if (secondsLeft.length === 0) return [];
  const shortest = secondsLeft.reduce((least, each) => Math.min(least, each));
  const span = hoursAndMinutes(shortest * 1000);
  const { length } = secondsLeft;
  return [length === 1 ? `1 valid for ${span}` : `${length} valid, the shortest for ${span}`];
}

const rowStart = (level: Finding['level'], title: string, layout: Layout): string =>
  `${levelMark(level, layout)} ${layout.style.bold(layout.pad(title, indent - 2))}`;

/** Neighbors with the same fix, which is shown once. */
function byFix(problems: readonly Problem[]): Problem[][] {
  const runs: Problem[][] = [];
  for (const problem of problems) {
    const run = runs.at(-1);
    if (run?.[0]?.fix === problem.fix) run.push(problem);
    else runs.push([problem]);
  }
  return runs;
}

function sameFixLines(problems: readonly Problem[], layout: Layout): string[] {
  const fix = layout.wrap(problems[0]?.fix ?? '', {
    first: `${' '.repeat(indent)}${layout.style.dim('fix:')} `,
  });
  if (problems.length <= maxDetailed)
    return problems.flatMap((problem) => problemLines(problem, fix, layout));
  const short = problems.map(({ level, title, fact }) => {
    const code = ` [${fact.code}]`;
    const room = Math.min(layout.width, maxCodeEdge) - indent - code.length;
    const text = layout.pad(layout.truncate(factText(fact, layout, room), room), room);
    return rowStart(level, title, layout) + text + layout.style.dim(code);
  });
  return [...short, ...fix];
}

function problemLines(problem: Problem, fix: readonly string[], layout: Layout): string[] {
  const { title, level, fact, others } = problem;
  const margins = { first: ' '.repeat(indent) };
  const wrapped = (text: string): string[] => {
    const lines = layout.wrap(text, margins);
    if (lines.length <= maxReasonLines) return lines;
    const last = lines[maxReasonLines - 1] ?? '';
    return [
      ...lines.slice(0, maxReasonLines - 1),
      layout.truncate(`${last} ${layout.marks.more}`, layout.width),
    ];
  };
  const rest = others.length - maxOthers;
  const lines = [
    ...layout.wrap(factText(fact, layout), { first: rowStart(level, title, layout), rest: margins.first }),
    // A warning can wait, and so can its reason.
    ...(level === 'warning' ? [] : reasonsOf(problem, layout).flatMap(wrapped)),
    ...others.slice(0, maxOthers).flatMap((other) => wrapped(sentence(factText(other, layout)))),
    ...(rest > 0 ? wrapped(`And ${plural(rest, 'more finding')}.`) : []),
    ...fix,
  ];
  const extra = fact.findings.length === 1 ? (fact.findings[0]?.lines ?? []) : [];
  return [
    ...withCode(lines, fact.code, layout),
    ...extra.flatMap((line) => layout.wrap(line, { first: ' '.repeat(4) })),
  ];
}

/** Adds the code at the right edge of the last line, or of another line if there is no room. */
function withCode(lines: readonly string[], code: string, layout: Layout): string[] {
  const last = lines.at(-1) ?? '';
  const text = `[${code}]`;
  const edge = Math.min(layout.width, maxCodeEdge) - text.length;
  const room =
    Math.max(edge, Math.min(stringWidth(last) + 2, layout.width - text.length)) - stringWidth(last);
  if (room >= 2) return [...lines.slice(0, -1), last + ' '.repeat(room) + layout.style.dim(text)];
  return [...lines, ' '.repeat(Math.max(edge, 0)) + layout.style.dim(text)];
}

/** The reason that most of the findings have. Drift explains itself. */
function reasonsOf({ fact, steps }: Problem, layout: Layout): string[] {
  if (fact.code === 'drift') return [];
  const counts = tally(fact.findings.map(({ why }) => why));
  const [why, count] = counts[0] ?? ['', 0];
  const share = counts.length > 1 ? ` (${count} of ${fact.findings.length})` : '';
  const checks =
    steps.length > 1 && fact.code === 'not-checked' ? [layout.text(`Not checked: ${steps.join(', ')}.`)] : [];
  return [...(why ? [sentence(why + share)] : []), ...checks];
}

/** Upper case and a period, unless the text starts with a name or a command. */
function sentence(text: string): string {
  const start = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** @param room the columns that are free, if the text has only one line */
function factText({ code, findings, drift, total }: Fact, layout: Layout, room = Infinity): string {
  const [first] = findings;
  if (drift.length > 1) return driftText(drift, room);
  const { many }: FindingDescription = findingCodes[code];
  const names = [...new Set(findings.map(({ target }) => target.name))];
  if (!first || names.length === 1) return driftWithFields(first);
  if (!many) return `${first.what} (and ${names.length - 1} more)`;
  if (names.length === total) return `all ${total} ${many.of} ${many.text}`;
  const count = total === undefined ? String(names.length) : `${names.length} of ${total}`;
  return `${count} ${many.of} ${many.text} (${fewNames(names, layout)})`;
}

const driftWithFields = (finding: Finding | undefined): string =>
  finding?.code === 'drift' && finding.what.endsWith('configuration')
    ? `${finding.what}: ${finding.why}`
    : (finding?.what ?? '');

/** The first names, as many as fit. */
function fewNames(names: readonly string[], layout: Layout): string {
  const shown: string[] = [];
  for (const name of names) {
    if (shown.length > 0 && stringWidth([...shown, name].join(', ')) > maxNamesWidth) break;
    shown.push(layout.shorten(name, maxNamesWidth));
  }
  return shown.length < names.length ? `${shown.join(', ')}, ${layout.marks.more}` : shown.join(', ');
}

/** Two objects by name, or the number of objects of each kind. A line without room for two kinds names one, or none. */
function driftText(changes: readonly Change[], room: number): string {
  const texts = [maxKinds, 1, 0].map((kinds) => driftOf(changes, kinds));
  return texts.find((text) => stringWidth(text) <= room) ?? texts.at(-1) ?? '';
}

function driftOf(changes: readonly Change[], kinds: number): string {
  const missing = changes.filter(({ action }) => action === 'create');
  const different = changes.filter(({ action }) => action !== 'create');
  const names = (some: readonly Change[]): string =>
    changes.length <= 2 && kinds > 1 ? listed(some) : counted(some, kinds);
  const verb = different.length > 1 ? 'differ' : 'differs';
  return [
    ...(missing.length > 0 ? [`${names(missing)} ${missing.length > 1 ? 'are' : 'is'} missing`] : []),
    ...(different.length > 0
      ? [`${names(different)} ${verb}${missing.length > 0 ? '' : ' from the configuration'}`]
      : []),
  ].join('; ');
}

const listed = (changes: readonly Change[]): string =>
  changes.map(({ target }) => nameOf(target)).join(' and ');

function counted(changes: readonly Change[], kinds: number): string {
  const shown = tally(changes.map(({ target }) => target.kind)).slice(0, kinds);
  const rest = changes.length - shown.reduce((sum, [, count]) => sum + count, 0);
  const texts = shown.map(([kind, count]) => countOf(count, kind));
  return [...texts, ...(rest > 0 ? [countOf(rest, kinds > 0 ? 'other' : 'object')] : [])]
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
}

/** Everything that a step reports. */
function stepLines({ step, title, drift, findings }: StepStatus, layout: Layout): string[] {
  const { bold, dim } = layout.style;
  const fixes = new Set(drift.map(({ fix }) => fix ?? 'ecr-bootstrap up'));
  return [
    ...layout.wrap(dim(title), {
      first: `${levelMark(worst(findings), layout)} ${bold(layout.shorten(step, maxStepWidth))}  `,
      rest: '  ',
    }),
    ...layout.indented(4, (inner) => [
      ...changeLines(drift, inner, true),
      ...[...fixes].flatMap((fix) => inner.wrap(fix, { first: `    ${dim('fix:')} ` })),
      ...findings.filter(({ code }) => code !== 'drift').flatMap((finding) => findingLines(finding, inner)),
    ]),
  ];
}

/** The level that determines the mark of a step. */
function worst(findings: readonly Finding[]): Finding['level'] {
  return findingLevels.find((level) => findings.some((finding) => finding.level === level)) ?? 'ok';
}
