import type { Change } from '../../core/step.ts';
import { nameOf } from '../../core/members.ts';
import type { Style } from '../style.ts';
import { columns } from '../units.ts';

/** As many fields are named in one row; -v names all. */
const fewFields = 2;
/** More targets of one kind with the same differences become one row. */
const fewTargets = 2;

/** All that exists under our names and is not ours as one table, and the line that adopts it. */
export function unmanagedLines(
  foreign: readonly Change[],
  adoptBy: string | undefined,
  style: Style,
  verbose: boolean,
): string[] {
  if (adoptBy === undefined) return [];
  const rows = [...grouped(foreign, verbose).values()].flatMap((group) =>
    group.length > fewTargets ? [rowOf(group, verbose)] : group.map((change) => rowOf([change], verbose)),
  );
  const [head = '', ...table] = columns([['FOUND, NOT OURS', 'BELONGS TO', 'DIFFERS IN'], ...rows]);
  return [
    '',
    style.bold(head),
    ...table,
    '',
    'To adopt all of this and configure it, run the command below. Images, secret values and working keys are kept.',
    '`down` keeps what was adopted in AWS, and deletes what was adopted in the cluster.',
    `  ${adoptBy}`,
  ];
}

function grouped(foreign: readonly Change[], verbose: boolean): Map<string, Change[]> {
  const groups = new Map<string, Change[]>();
  for (const change of foreign) {
    const alike = [change.target.kind, change.action, ownerIn(change), change.fields.map(({ path }) => path)];
    const key = verbose ? nameOf(change.target) : JSON.stringify(alike);
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return groups;
}

function rowOf(group: readonly Change[], verbose: boolean): string[] {
  const [first] = group;
  if (!first) return [];
  const { kind, name } = first.target;
  const what = group.length === 1 ? `${kind} ${name}` : `${group.length} × ${kind} (${name}, …)`;
  return [what, ownerIn(first), differencesOf(first, verbose)];
}

const ownerIn = ({ adopts }: Change): string => adopts?.owner ?? '';

function differencesOf({ fields, action }: Change, verbose: boolean): string {
  const paths = [...new Set(fields.map(({ path }) => path))];
  const some = verbose ? paths : paths.slice(0, fewFields);
  const more = paths.length > some.length ? ` and ${paths.length - some.length} more` : '';
  const text = paths.length === 0 ? 'nothing' : `${some.join(', ')}${more}`;
  return action === 'replace' ? `${text}: made anew` : text;
}
