import type { Finding } from '../../core/findings.ts';
import { groupBy, tally } from '../../core/group-by.ts';
import { type Group, groups, type Topic } from '../../core/groups.ts';
import type { Change } from '../../core/step.ts';
import { nameOf } from '../../core/target.ts';
import type { Layout } from '../layout.ts';
import type { PlannedStep, PlanView } from '../view.ts';
import { actionMark, changeLines, countOf, fitting, type Part, shortChangeLines } from './changes.ts';
import { findingLines } from './finding.ts';
import { unmanagedLines } from './unmanaged.ts';

/** The lines of a plan in their order: a part of AWS, or a group. */
const purposes: Readonly<Record<Topic | Group, { readonly title: string; readonly counted?: string }>> = {
  users: { title: 'IAM users' },
  'access-key': { title: 'access key' },
  aws: { title: 'AWS' },
  repositories: { title: 'repositories', counted: 'repository' },
  operator: { title: 'External Secrets Operator' },
  'pull-secrets': { title: 'pull secret' },
  tokens: { title: 'tokens' },
  workloads: { title: 'service accounts' },
  nodes: { title: 'node access' },
  images: { title: 'images', counted: 'image' },
};
type Purpose = keyof typeof purposes;

const sections = ['AWS', 'Cluster', 'Images'] as const;
type Section = (typeof sections)[number];

const titleWidth = Math.max(...Object.values(purposes).map(({ title }) => title.length));
/** A plan with more changes is shown by purpose: one line for everything that is created for it. */
const maxListed = 8;
/** More lines of updates in one section become one line for each kind. */
const maxUpdateLines = 10;
/** More findings of one code in one section are counted. */
const maxAlikeFindings = 2;

/** A plan: by step if it is short or `verbose`, otherwise by purpose. */
export function planLines(view: PlanView, layout: Layout, verbose: boolean): string[] {
  const { steps, dryRun, digest, adoptBy } = view;
  const changes = steps.flatMap((step) => step.changes);
  const listsAll = verbose || changes.length <= maxListed;
  const lines = [
    ...(listsAll ? stepLines(steps, layout, verbose) : sectionLines(steps, layout)),
    ...unmanagedLines(
      steps.flatMap((step) => step.unmanaged ?? []),
      adoptBy,
      layout,
      verbose,
    ),
  ];
  const digestLines = dryRun && digest !== undefined ? [`Digest: ${digest}`] : [];
  if (changes.length === 0)
    return [...lines, dryRun ? 'Nothing would change.' : 'Nothing to change.', ...digestLines];
  const consequences = listsAll
    ? []
    : steps.flatMap(({ findings }) =>
        findings.filter(isConsequence).flatMap((one) => findingLines(one, layout)),
      );
  return [...lines, '', ...consequences, ...summary(changes, layout, { dryRun, listsAll }), ...digestLines];
}

/** What running pods lose. It is shown beside the question. */
const isConsequence = ({ code }: Finding): boolean => code === 'image-access-lost';

/** Counts targets. A target that two steps change counts once, with its first action. */
function summary(
  changes: readonly Change[],
  layout: Layout,
  { dryRun, listsAll }: { readonly dryRun: boolean; readonly listsAll: boolean },
): string[] {
  const actions = new Map<string, Change['action']>();
  for (const { action, target } of changes) {
    if (!actions.has(nameOf(target))) actions.set(nameOf(target), action);
  }
  const counts = (['create', 'update', 'replace', 'delete'] as const)
    .map((action) => [action, [...actions.values()].filter((one) => one === action).length] as const)
    .filter(([action, count]) => action !== 'replace' || count > 0)
    .map(([action, count]) => `${count} to ${action}`);
  const more = listsAll ? [] : [layout.style.dim('(-v lists all)')];
  const plan = `Plan: ${counts.join(', ')}.`;
  if (!dryRun) return layout.wrap([plan, ...more].join(' '));
  return [plan, ['Nothing was changed (dry run).', ...more].join(' ')].flatMap((text) => layout.wrap(text));
}

/** The changes and findings by step, in the order of execution. */
function stepLines(steps: readonly PlannedStep[], layout: Layout, verbose: boolean): string[] {
  return steps.flatMap(({ step, title, changes, findings }) => {
    const showsAll = verbose || changes.length > 0;
    const shown = findings.filter(({ level }) => showsAll || level !== 'ok');
    if (changes.length + shown.length === 0) return [];
    return [
      ...layout.wrap(layout.style.dim(title), { first: `${layout.style.bold(step)}  `, rest: '  ' }),
      ...layout.indented(2, (inner) => [
        ...changeLines(changes, inner, verbose),
        ...(verbose ? shown.flatMap((finding) => findingLines(finding, inner)) : fewFindings(shown, inner)),
      ]),
    ];
  });
}

/** What is created, deleted and updated, by purpose. */
function sectionLines(steps: readonly PlannedStep[], layout: Layout): string[] {
  const changes = changesByPurpose(steps);
  return sections.flatMap((section) => {
    const findings = steps
      .filter(({ group }) => sectionOf(group) === section)
      .flatMap((step) => step.findings.filter((one) => one.level !== 'ok' && !isConsequence(one)));
    const own = (Object.keys(purposes) as Purpose[]).filter((purpose) => sectionOf(purpose) === section);
    const ownChanges = own.flatMap((purpose) => changes.get(purpose) ?? []);
    const lines = layout.indented(2, (inner) => [
      ...own.flatMap((purpose) => summaryLines(purpose, changes.get(purpose) ?? [], inner)),
      ...updateLines(ownChanges, inner),
      ...fewFindings(findings, inner),
    ]);
    return lines.length === 0 ? [] : [layout.style.bold(section), ...lines];
  });
}

const sectionOf = (purpose: Purpose): Section =>
  purpose in groups ? groups[purpose as Group].section : groups.aws.section;

/** The changes of each purpose. An update of a target that the plan creates is part of its creation. */
function changesByPurpose(steps: readonly PlannedStep[]): Map<Purpose, Change[]> {
  const created = new Set<string>();
  const byPurpose = new Map<Purpose, Change[]>();
  for (const { changes, group, topic } of steps) {
    for (const change of changes) {
      const name = nameOf(change.target);
      if (change.action === 'update' && created.has(name)) continue;
      if (change.action === 'create') created.add(name);
      const purpose = change.topic ?? topic ?? group;
      byPurpose.set(purpose, [...(byPurpose.get(purpose) ?? []), change]);
    }
  }
  return byPurpose;
}

/** One line for what is created, and one for what is deleted. */
function summaryLines(purpose: Purpose, changes: readonly Change[], layout: Layout): string[] {
  return (['create', 'delete'] as const).flatMap((action) => {
    const some = changes.filter((change) => change.action === action);
    if (some.length === 0) return [];
    const { title, counted } = purposes[purpose];
    const head = layout.pad(counted === undefined ? title : countOf(some.length, counted), titleWidth);
    // A mark and two gaps.
    const room = layout.width - titleWidth - 4;
    return [
      `${actionMark(action, layout)} ${head}  ${fitting(contentsOf(some, counted !== undefined), room, layout)}`,
      ...some.flatMap(({ warning }) =>
        warning === undefined
          ? []
          : layout.wrap(warning, { first: `  ${layout.style.warn(layout.marks.warning)} ` }),
      ),
    ];
  });
}

/** What the changes are about: their labels, then the number of others by kind, the largest number first. */
function contentsOf(changes: readonly Change[], isCounted: boolean): Part[] {
  const [only, second] = changes;
  if (only && !second && only.label === undefined) return [{ text: only.target.name, count: 1 }];
  const labels = tally(changes.flatMap(({ label }) => label ?? []));
  const kinds = tally(changes.filter(({ label }) => label === undefined).map(({ target }) => target.kind));
  return [
    ...labels.map(([label, count]) => ({
      text: isCounted || count > 1 ? `${label} ${count}` : label,
      count,
    })),
    ...kinds.map(([kind, count]) => ({ text: countOf(count, kind), count })),
  ];
}

/** Updates and replacements with their fields, or without them if there are many. */
function updateLines(changes: readonly Change[], layout: Layout): string[] {
  const updates = changes.filter(({ action }) => action === 'update' || action === 'replace');
  const whole = changeLines(updates, layout, false);
  if (whole.length <= maxUpdateLines) return whole;
  const short = shortChangeLines(updates, layout);
  if (short.length <= maxUpdateLines) return short;
  const shown = short.slice(0, maxUpdateLines - 1);
  return [
    ...shown,
    layout.style.dim(`${layout.marks.more} ${short.length - shown.length} more lines of updates`),
  ];
}

function fewFindings(findings: readonly Finding[], layout: Layout): string[] {
  return [...groupBy(findings, ({ code }) => code)].flatMap(([code, alike]) => {
    const rest = alike.length - maxAlikeFindings;
    return [
      ...alike.slice(0, maxAlikeFindings).flatMap((finding) => findingLines(finding, layout)),
      ...(rest > 0 ? [layout.style.dim(`    ${layout.marks.more} ${rest} more [${code}]`)] : []),
    ];
  });
}
