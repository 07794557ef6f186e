import stringWidth from 'fast-string-width';
import type { Value } from '../../core/schemas.ts';
import type { Change, Field } from '../../core/step.ts';
import { groupBy } from '../../core/group-by.ts';
import { Secret } from '../../core/secret.ts';
import { nameOf } from '../../core/target.ts';
import type { Layout } from '../layout.ts';
import { formatBytes, plural } from '../units.ts';

const maxValueLength = 100;
/** More changes that differ only in their target become one line. */
const maxAlike = 2;

/** The mark of an action in its color. */
export function actionMark(action: Change['action'], { style, marks }: Layout): string {
  const paint = { create: style.good, update: style.warn, replace: style.bad, delete: style.bad };
  return paint[action](marks[action]);
}

/** What a change did: `2 created`. */
export const pastOf = {
  create: 'created',
  update: 'updated',
  replace: 'replaced',
  delete: 'deleted',
} as const satisfies Record<Change['action'], string>;

/** In the order in which screens count them. */
export const actions = Object.keys(pastOf) as Change['action'][];

/** `1 image`, `2 IAM policies`, `2 access keys`, `16 CRDs`. */
export function countOf(count: number, kind: string): string {
  const one = kind === 'CustomResourceDefinition' ? 'CRD' : kind;
  return plural(count, one, `${one.replace(/(?<![aeiou])y$/, 'ie')}s`);
}

/** One line per change with its fields. Unless verbose or with diffs, changes that differ only in their target become one line. */
export function changeLines(changes: readonly Change[], layout: Layout, verbose: boolean): string[] {
  if (verbose || changes.some(({ diff }) => diff)) {
    return changes.flatMap((change) => changeBlock(change, layout));
  }
  return alike(changes).flatMap((group) =>
    group.length > maxAlike
      ? groupLines(group, layout)
      : group.flatMap((change) => changeBlock(change, layout)),
  );
}

/** One line for each group of similar changes, the largest first: their names, or the fields of a single one. */
export function shortChangeLines(changes: readonly Change[], layout: Layout): string[] {
  const largestFirst = alike(changes).sort((one, other) => other.length - one.length);
  return largestFirst.flatMap((group) =>
    group.length === 1 ? group.flatMap((change) => shortLines(change, layout)) : groupLines(group, layout),
  );
}

/** Groups changes of the same fields. Their values may differ: lists of service accounts usually do. */
function alike(changes: readonly Change[]): Change[][] {
  const groups = groupBy(changes, ({ action, target, fields, adopts, reason }) => {
    // Creations may differ only in their reason, which a list of names does not need.
    const why = action === 'create' ? undefined : reason;
    return JSON.stringify([action, target.kind, fields.map(({ path }) => path), adopts, why]);
  });
  return [...groups.values()];
}

function groupLines(group: readonly Change[], layout: Layout): string[] {
  const [first] = group;
  if (!first) return [];
  const count = countOf(group.length, first.target.kind);
  // Creations may have different reasons.
  const why = first.action === 'create' ? '' : remarksOf(first, layout);
  const names = group.map(({ target }) => target.name);
  return withList(`${actionMark(first.action, layout)} ${count}${why}`, names, layout);
}

function shortLines(change: Change, layout: Layout): string[] {
  const paths = [...new Set(change.fields.map(({ path }) => path))];
  const head = `${actionMark(change.action, layout)} ${nameOf(change.target)}${remarksOf(change, layout)}`;
  return withList(head, paths, layout);
}

/** Columns below which a list says nothing. */
const minListWidth = 10;

/** A line with as much of a list as it has room for. */
function withList(head: string, list: readonly string[], layout: Layout): string[] {
  const room = layout.width - stringWidth(head) - 2;
  if (room < minListWidth) return layout.wrap(head, { rest: '    ' });
  return [`${head}  ${layout.style.dim(fitting(singles(list), room, layout))}`];
}

/** A part of a list, which stands for one or several changes. */
export interface Part {
  readonly text: string;
  readonly count: number;
}

/** As many parts as fit into the width, then the number of the other changes. */
export function fitting(parts: readonly Part[], width: number, layout: Layout): string {
  let rest = 0;
  for (let shown = parts.length; shown > 0; shown -= 1) {
    const others = rest === 0 ? [] : [rest === 1 ? '1 other' : `${rest} others`];
    const line = [...parts.slice(0, shown).map(({ text }) => text), ...others].join(', ');
    if (stringWidth(line) <= width) return line;
    rest += parts[shown - 1]?.count ?? 0;
  }
  return layout.truncate(parts.map(({ text }) => text).join(', '), Math.max(width, 1));
}

const singles = (texts: readonly string[]): Part[] => texts.map((text) => ({ text, count: 1 }));

/** The adoption, the reason and the warning of a change. */
function remarksOf({ adopts, reason, warning }: Change, { style }: Layout): string {
  const remarks = [adopts ? 'adopted' : undefined, reason, warning].filter((one) => one !== undefined);
  return remarks.length > 0 ? style.dim(` (${remarks.join('; ')})`) : '';
}

function changeBlock(change: Change, layout: Layout): string[] {
  const size = change.sizeBytes === undefined ? '' : ` ${formatBytes(change.sizeBytes)}`;
  const head = layout.wrap(`${nameOf(change.target)}${size}${remarksOf(change, layout)}`, {
    first: `${actionMark(change.action, layout)} `,
    rest: '    ',
  });
  if (change.diff) {
    const { diff } = change;
    return [...head, ...layout.indented(4, (inner) => diff.flatMap((line) => diffLine(line, inner)))];
  }
  if (change.action === 'create' || change.action === 'delete') return head;
  return [...head, ...layout.indented(4, (inner) => fieldLines(change.fields, inner))];
}

/** One line of a unified diff. */
function diffLine(line: string, layout: Layout): string[] {
  const { good, bad, dim } = layout.style;
  const [sign = ''] = line;
  const paint = { '+': good, '-': bad, '@': dim }[sign] ?? ((text: string) => text);
  return layout.breakLine(line, `${sign}  `).map(paint);
}

/** The fields of a change. Those of IAM policies are shown by statement, as what is added and removed. */
function fieldLines(fields: readonly Field[], layout: Layout): string[] {
  const statements = groupBy(fields, ({ statement }) => statement);
  const others = statements.get(undefined) ?? [];
  return [
    ...[...statements].flatMap(([id, parts]) => (id === undefined ? [] : statementLines(id, parts, layout))),
    ...others.flatMap(({ path, from, to }) =>
      layout.wrap(`${path}: ${layout.style.dim(`${valueText(from)} -> `)}${valueText(to)}`, { rest: '  ' }),
    ),
  ];
}

/** One statement of a policy: the whole statement, or what is added to its lists and removed from them. */
function statementLines(id: string, parts: readonly Field[], layout: Layout): string[] {
  const { style } = layout;
  const differences = parts.flatMap((part) => differencesOf(id, part));
  const idWidth = Math.min(Math.max(id.length, 16), 24);
  return differences.flatMap(({ action, text }, index) =>
    layout.wrap(text, {
      first: `${layout.pad(index === 0 ? layout.truncate(id, idWidth) : '', idWidth)}  ${
        action === 'add' ? style.good('+') : style.bad('-')
      } `,
    }),
  );
}

interface Difference {
  readonly action: 'add' | 'remove';
  readonly text: string;
}

/** What the change adds to a statement, and what it removes. Sides that are lists are compared as sets. */
function differencesOf(id: string, { path, from, to }: Field): Difference[] {
  if (path === `document.${id}`) {
    return [
      ...(from === undefined ? [] : [{ action: 'remove', text: statementText(from) } as const]),
      ...(to === undefined ? [] : [{ action: 'add', text: statementText(to) } as const]),
    ];
  }
  const element = path.slice(`document.${id}.`.length);
  const [before, after] = [itemsOf(from), itemsOf(to)];
  const prefix = element === 'Action' ? '' : `${element} `;
  return [
    ...minus(before, after).map((text) => ({ action: 'remove', text: prefix + text }) as const),
    ...minus(after, before).map((text) => ({ action: 'add', text: prefix + text }) as const),
  ];
}

/** `allow s3:GetObject, s3:PutObject on *` */
function statementText(statement: Value): string {
  const parts = (statement ?? {}) as Readonly<Record<string, Value>>;
  const listOf = (key: string): string => itemsOf(parts[key]).join(', ');
  const verb = listOf('Effect').toLowerCase() || 'allow';
  const actions = listOf('Action') || `all except ${listOf('NotAction')}`;
  const resources = listOf('Resource') || `all except ${listOf('NotResource')}`;
  const condition = parts['Condition'] === undefined ? '' : ` if ${JSON.stringify(parts['Condition'])}`;
  return `${verb} ${actions} on ${resources}${condition}`;
}

const itemsOf = (value: Value): string[] => {
  if (value === undefined) return [];
  return Array.isArray(value)
    ? value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
    : [typeof value === 'string' ? value : JSON.stringify(value)];
};

const minus = (some: readonly string[], others: readonly string[]): string[] => {
  const known = new Set(others);
  return some.filter((one) => !known.has(one));
};

function valueText(value: Value): string {
  if (value === undefined) return '(none)';
  if (value instanceof Secret) return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
}
