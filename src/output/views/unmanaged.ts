import type { Change } from '../../core/step.ts';
import { groupBy } from '../../core/group-by.ts';
import { nameOf } from '../../core/target.ts';
import type { Layout } from '../layout.ts';

/** The number of fields that one row names. With -v, a row names all. */
const maxFields = 2;
/** More targets of one kind with the same differences become one row. */
const maxTargets = 2;

/** The table of existing resources that are not managed, and the command that adopts them. */
export function unmanagedLines(
  unmanaged: readonly Change[],
  adoptBy: string | undefined,
  layout: Layout,
  verbose: boolean,
): string[] {
  if (adoptBy === undefined) return [];
  const rows = [...grouped(unmanaged, verbose).values()].flatMap((group) =>
    group.length > maxTargets ? [rowOf(group, verbose)] : group.map((change) => rowOf([change], verbose)),
  );
  const [head = '', ...table] = layout.table(rows, [
    { title: 'EXISTING RESOURCE' },
    { title: 'OWNER' },
    { title: 'DIFFERENCES' },
  ]);
  return [
    '',
    layout.style.bold(head),
    ...table,
    '',
    ...layout.wrap(
      'To adopt and configure these resources, run the command below. It keeps images, secret values and working keys.',
    ),
    ...layout.wrap('`down` keeps adopted resources in AWS, and deletes adopted resources in the cluster.'),
    `  ${adoptBy}`,
  ];
}

function grouped(unmanaged: readonly Change[], verbose: boolean): Map<string, Change[]> {
  return groupBy(unmanaged, (change) => {
    const alike = [change.target.kind, change.action, ownerIn(change), change.fields.map(({ path }) => path)];
    return verbose ? nameOf(change.target) : JSON.stringify(alike);
  });
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
  const some = verbose ? paths : paths.slice(0, maxFields);
  const more = paths.length > some.length ? ` and ${paths.length - some.length} more` : '';
  const text = paths.length === 0 ? 'none' : `${some.join(', ')}${more}`;
  return action === 'replace' ? `${text} (recreated)` : text;
}
