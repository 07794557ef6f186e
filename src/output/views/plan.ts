import stringWidth from 'fast-string-width';
import type { Finding } from '../../core/findings.ts';
import { groupBy, tally } from '../../core/group-by.ts';
import { type Group, groups, type Topic } from '../../core/groups.ts';
import type { Change } from '../../core/step.ts';
import { actionsByTarget, nameOf } from '../../core/target.ts';
import { leastTimeText } from '../../mirror/rates.ts';
import type { Layout } from '../layout.ts';
import { formatBytes } from '../units.ts';
import type { PlannedStep, PlanView } from '../view.ts';
import { actionMark, changeLines, countOf, fitting, type Part, shortChangeLines } from './changes.ts';
import { findingLines, levelMark } from './finding.ts';
import { unmanagedLines } from './unmanaged.ts';

interface PurposeTexts {
  readonly title: string;
  /** The kind of the changes that the title counts, and what it calls them if that is not their kind. */
  readonly kind?: string;
  readonly name?: string;
  /** What the title says about creations after their number, instead of what they are. */
  readonly creations?: string;
  /** The title of deletions, if it is another one. */
  readonly deletions?: string;
  /** The section of a part that does not belong to AWS. */
  readonly section?: Section;
}

/** The lines of a plan in their order: a part of AWS, or a group. */
const purposes: Readonly<Record<Topic | Group, PurposeTexts>> = {
  users: { title: 'IAM users', kind: 'IAM user' },
  'access-key': { title: 'access key', kind: 'IAM access key', name: 'access key' },
  aws: { title: 'AWS' },
  repositories: { title: 'repositories', kind: 'ECR repository', name: 'repository' },
  operator: { title: 'External Secrets Operator' },
  'pull-secrets': { title: 'pull secret' },
  tokens: { title: 'tokens' },
  workloads: { title: 'service accounts', deletions: 'admission policy' },
  nodes: { title: 'node access' },
  images: { title: 'images', kind: 'image', creations: 'to copy' },
  'image-warnings': { title: 'image warnings', section: 'Images' },
};
type Purpose = keyof typeof purposes;

const sections = ['AWS', 'Cluster', 'Images'] as const;
type Section = (typeof sections)[number];

/** A plan with more changes is shown by purpose: one line for everything that is created for it. */
const maxListed = 8;
/** More lines of updates in one section become one line for each kind. */
const maxUpdateLines = 10;
/** More findings of one code in one section are counted. */
const maxAlikeFindings = 2;

/** How many findings of one code show their reason and fix. 0 shows one line for each code. */
type Detail = 0 | 1 | typeof maxAlikeFindings;
/** Lines of a plan above which findings are shortened, so that the question and the plan fit a terminal of 24. */
const maxLines = 20;

/** A plan: by step if it is short, `verbose`, or has diffs, otherwise by purpose. */
export function planLines(view: PlanView, layout: Layout, verbose: boolean): string[] {
  const { steps, dryRun, digest, adoptBy } = view;
  const changes = steps.flatMap((step) => step.changes);
  const { lines: shown, listsAll } = fittingLines(steps, changes.length, layout, verbose);
  const lines = [
    ...shown,
    ...unmanagedLines(
      steps.flatMap((step) => step.unmanaged ?? []),
      adoptBy,
      layout,
      verbose,
    ),
  ];
  const more = listsAll ? [] : [layout.style.dim('(-v lists all)')];
  const digestLines = dryRun && digest !== undefined ? [`Digest: ${digest}`] : [];
  if (changes.length === 0) {
    const text = dryRun ? 'Nothing would change.' : 'Nothing to change.';
    return [...lines, [text, ...more].join(' '), ...digestLines];
  }
  const consequences = steps.flatMap(({ findings }) =>
    findings.filter(isConsequence).flatMap((one) => findingLines(one, layout)),
  );
  return [
    ...lines,
    '',
    ...consequences,
    ...summary(changes, layout, { dryRun, more }),
    ...leastTimeLines(changes, layout),
    ...digestLines,
  ];
}

/** How long the copies take at least, if that is noticeable. */
function leastTimeLines(changes: readonly Change[], layout: Layout): string[] {
  const copies = changes.filter(
    ({ action, target }) => target.kind === purposes.images.kind && action !== 'delete',
  );
  const text = leastTimeText(copies.length, 'images');
  return text === undefined ? [] : layout.wrap(`${text}.`);
}

/** By step if that is short or has diffs, otherwise by purpose, and then as much about findings as fits. */
function fittingLines(
  steps: readonly PlannedStep[],
  changes: number,
  layout: Layout,
  verbose: boolean,
): { readonly lines: readonly string[]; readonly listsAll: boolean } {
  const hasDiffs = steps.some((step) => step.changes.some(({ diff }) => diff));
  if (verbose || hasDiffs) {
    return { lines: stepLines(steps, layout, verbose, maxAlikeFindings), listsAll: true };
  }
  for (const detail of changes <= maxListed ? ([maxAlikeFindings, 1] as const) : []) {
    const lines = stepLines(steps, layout, verbose, detail);
    if (lines.length <= maxLines) return { lines, listsAll: true };
  }
  for (const detail of [maxAlikeFindings, 1] as const) {
    const lines = sectionLines(steps, layout, detail);
    if (lines.length <= maxLines) return { lines, listsAll: false };
  }
  return { lines: sectionLines(steps, layout, 0), listsAll: false };
}

/** What running pods lose. It is shown beside the question. */
const isConsequence = ({ code }: Finding): boolean => code === 'image-access-lost';

/** Counts targets, not their changes. */
function summary(
  changes: readonly Change[],
  layout: Layout,
  { dryRun, more }: { readonly dryRun: boolean; readonly more: readonly string[] },
): string[] {
  const actions = actionsByTarget(changes);
  const counts = (['create', 'update', 'replace', 'delete'] as const)
    .map((action) => [action, [...actions.values()].filter((one) => one === action).length] as const)
    .filter(([action, count]) => action !== 'replace' || count > 0)
    .map(([action, count]) => `${count} to ${action}`);
  const plan = `Plan: ${counts.join(', ')}.`;
  if (!dryRun) return layout.wrap([plan, ...more].join(' '));
  return [plan, ['Nothing was changed (dry run).', ...more].join(' ')].flatMap((text) => layout.wrap(text));
}

/** The changes and findings by step, in the order of execution. */
function stepLines(
  steps: readonly PlannedStep[],
  layout: Layout,
  verbose: boolean,
  detail: Detail,
): string[] {
  return steps.flatMap(({ step, title, changes, findings }) => {
    const showsAll = verbose || changes.length > 0;
    const shown = findings.filter((one) => (showsAll || one.level !== 'ok') && !isConsequence(one));
    if (changes.length + shown.length === 0) return [];
    return [
      ...layout.wrap(layout.style.dim(title), { first: `${layout.style.bold(step)}  `, rest: '  ' }),
      ...layout.indented(2, (inner) => [
        ...changeLines(changes, inner, verbose),
        ...(verbose
          ? shown.flatMap((finding) => findingLines(finding, inner))
          : fewFindings(shown, inner, detail)),
      ]),
    ];
  });
}

/** What is created, deleted and updated, by purpose. */
function sectionLines(steps: readonly PlannedStep[], layout: Layout, detail: Detail): string[] {
  const byPurpose = changesByPurpose(steps);
  return sections.flatMap((section) => {
    const findings = steps
      .filter(({ group }) => sectionOf(group) === section)
      .flatMap((step) => step.findings.filter((one) => one.level !== 'ok' && !isConsequence(one)));
    const own = (Object.keys(purposes) as Purpose[]).filter((purpose) => sectionOf(purpose) === section);
    const rows = own.flatMap((purpose) => rowsOf(purpose, byPurpose.get(purpose) ?? []));
    const headWidth = Math.max(0, ...rows.map(({ head }) => stringWidth(head)));
    const others = own.flatMap((purpose) => byPurpose.get(purpose) ?? []).map(({ change }) => change);
    const lines = layout.indented(2, (inner) => [
      ...rows.flatMap((row) => rowLines(row, headWidth, inner)),
      ...updateLines(
        others.filter((change) => !isSummarized(change)),
        inner,
      ),
      ...fewFindings(findings, inner, detail),
    ]);
    return lines.length === 0 ? [] : [layout.style.bold(section), ...lines];
  });
}

const sectionOf = (purpose: Purpose): Section =>
  purpose in groups ? groups[purpose as Group].section : (purposes[purpose].section ?? groups.aws.section);

interface Planned {
  readonly change: Change;
  /** What its step creates. */
  readonly subject: string | undefined;
}

/** The changes of each purpose. An update of a target that the plan creates is part of its creation. */
function changesByPurpose(steps: readonly PlannedStep[]): Map<Purpose, Planned[]> {
  const created = new Set<string>();
  const all = steps.flatMap(({ changes, group, topic, subject }) =>
    changes.map((change) => ({ change, subject, purpose: change.topic ?? topic ?? group })),
  );
  const shown = all.filter(({ change: { action, target } }) => {
    const name = nameOf(target);
    if (action === 'create') created.add(name);
    return action !== 'update' || !created.has(name);
  });
  return groupBy(shown, ({ purpose }) => purpose);
}

/** One line of a plan, which stands for changes of one action and purpose. */
interface Row {
  readonly action: Change['action'];
  readonly head: string;
  readonly contents: readonly Part[];
  readonly warnings: readonly string[];
}

/** Whether a row shows the change. Other updates show their fields. */
const isSummarized = ({ action, label }: Change): boolean =>
  action === 'create' || action === 'delete' || (action === 'update' && Boolean(label));

/** One row for what is created, one for what is deleted, and one for updates with a label. */
function rowsOf(purpose: Purpose, planned: readonly Planned[]): Row[] {
  return (['create', 'delete', 'update'] as const).flatMap((action): Row[] => {
    const some = planned.filter(({ change }) => change.action === action && isSummarized(change));
    if (some.length === 0) return [];
    const changes = some.map(({ change }) => change);
    const { title, kind, name = kind, creations, deletions = title } = purposes[purpose];
    const counted = changes.filter(({ target }) => target.kind === kind);
    const subject = action === 'create' ? some.find((one) => one.subject !== undefined)?.subject : undefined;
    const [other] = kind === undefined || changes.length > 1 ? [] : changes.filter(({ label }) => !label);
    if (other && counted.length === 0) {
      // The title would announce something that does not change.
      return [rowOf(action, other.target.kind, [{ text: other.target.name, count: 1 }], changes)];
    }
    const count =
      action === 'create' && creations !== undefined
        ? `${counted.length} ${creations}${sizeText(counted)}`
        : countOf(counted.length, name ?? '');
    const head = counted.length > 0 ? count : (subject ?? (action === 'delete' ? deletions : title));
    const contents = action === 'update' ? labelCounts(changes) : contentsOf(changes, kind);
    return [rowOf(action, head, contents, changes)];
  });
}

const rowOf = (
  action: Change['action'],
  head: string,
  contents: readonly Part[],
  changes: readonly Change[],
): Row => ({ action, head, contents, warnings: changes.flatMap(({ warning }) => warning ?? []) });

/** `, 1.2 GB`, or `, over 1.2 GB` if not all sizes are known. */
function sizeText(changes: readonly Change[]): string {
  const known = changes.flatMap(({ sizeBytes }) => sizeBytes ?? []);
  if (known.length === 0) return '';
  const size = formatBytes(known.reduce((sum, bytes) => sum + bytes, 0));
  return `, ${known.length < changes.length ? 'over ' : ''}${size}`;
}

function rowLines({ action, head, contents, warnings }: Row, headWidth: number, layout: Layout): string[] {
  // A mark and two gaps.
  const room = layout.width - headWidth - 4;
  const text = contents.length > 0 ? fitting(contents, room, layout) : '';
  return [
    `${actionMark(action, layout)} ${layout.pad(head, headWidth)}  ${text}`.trimEnd(),
    ...warnings.flatMap((warning) =>
      layout.wrap(warning, { first: `  ${layout.style.warn(layout.marks.warning)} ` }),
    ),
  ];
}

/** `8 now` */
const labelCounts = (changes: readonly Change[]): Part[] =>
  tally(changes.flatMap(({ label }) => label ?? [])).map(([label, count]) => ({
    text: `${count} ${label}`,
    count,
  }));

/**
 * What the changes are about: their labels, the names of what the title counts, then the number of others by
 * kind, the largest number first. If nothing else is left, what the line usually does not count.
 */
function contentsOf(changes: readonly Change[], titleKind: string | undefined): Part[] {
  const [only, second] = changes;
  if (only && !second && !only.label) return [{ text: only.target.name, count: 1 }];
  const counted = changes.filter(({ label }) => label !== '');
  if (counted.length === 0) return kindCounts(changes);
  const labels = tally(counted.flatMap(({ label }) => label ?? []));
  const showsCounts = labels.some(([, count]) => count > 1);
  const others = counted.filter(({ label }) => label === undefined);
  const isInTitle = ({ target }: Change): boolean => target.kind === titleKind;
  return [
    ...labels.map(([label, count]) => ({ text: showsCounts ? `${label} ${count}` : label, count })),
    ...others.filter(isInTitle).map(({ target }) => ({ text: target.name, count: 1 })),
    ...kindCounts(others.filter((one) => !isInTitle(one))),
  ];
}

function kindCounts(changes: readonly Change[]): Part[] {
  return tally(changes.map(({ target }) => target.kind)).map(([kind, count]) => ({
    text: countOf(count, kind),
    count,
  }));
}

/** Updates and replacements with their fields, or without them if there are many. */
function updateLines(changes: readonly Change[], layout: Layout): string[] {
  const whole = changeLines(changes, layout, false);
  if (whole.length <= maxUpdateLines) return whole;
  const short = shortChangeLines(changes, layout);
  if (short.length <= maxUpdateLines) return short;
  const shown = short.slice(0, maxUpdateLines - 1);
  return [
    ...shown,
    layout.style.dim(`${layout.marks.more} ${short.length - shown.length} more lines of updates`),
  ];
}

/** The first findings of each code, then the number of the others. */
function fewFindings(findings: readonly Finding[], layout: Layout, detail: Detail): string[] {
  return [...groupBy(findings, ({ code }) => code)].flatMap(([code, alike]) => {
    const [first] = alike;
    if (detail === 0) return first ? [shortFinding(first, alike.length - 1, layout)] : [];
    const rest = alike.length - detail;
    return [
      ...alike.slice(0, detail).flatMap((finding) => findingLines(finding, layout)),
      ...(rest > 0 ? [layout.style.dim(`    ${layout.marks.more} ${rest} more [${code}]`)] : []),
    ];
  });
}

/** A finding without its reason and fix. */
function shortFinding({ level, what, code }: Finding, others: number, layout: Layout): string {
  const suffix = `${others > 0 ? ` (and ${others} more)` : ''} [${code}]`;
  const text = layout.truncate(what, layout.width - 2 - suffix.length);
  return `${levelMark(level, layout)} ${text}${layout.style.dim(suffix)}`;
}
