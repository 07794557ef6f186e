import { refOf, targetOf } from '../../cluster/names.ts';
import type { Kind, KubeObject } from '../../cluster/port.ts';
import { type Diff, nameOf } from '../../plan/index.ts';
import type { Context } from '../context.ts';
import { isFannedOut } from '../coverage.ts';
import { isOurs, type ObjectsState, removeObjects } from '../objects.ts';

/** Deleting a definition deletes every object of its kind: they go only when none is somebody else's. */
export async function removeCrds(state: ObjectsState, ctx: Context): Promise<Diff> {
  const removal = removeObjects(state);
  if (removal.changes.length === 0) return removal;
  const others = await findOthers(state, ctx);
  const [first] = others;
  if (!first) return removal;
  const more = others.length > 1 ? ` and ${others.length - 1} more` : '';
  return {
    changes: [],
    findings: [
      {
        level: 'warning',
        code: 'left-behind',
        target: { kind: 'CustomResourceDefinition', name: 'external-secrets.io' },
        what: 'the definitions of External Secrets Operator are left',
        why: `they define objects of others, which would go with them: ${nameOf(targetOf(refOf(first)))}${more}; without the operator nothing syncs these any more`,
        hint: 'Move them to another installation of the operator, or delete them, and run the same command again.',
      },
    ],
  };
}

async function findOthers({ wanted, seen }: ObjectsState, ctx: Context): Promise<readonly KubeObject[]> {
  const kinds = seen.size === 0 ? [] : wanted.flatMap(kindsOf);
  const lists = await Promise.all(
    kinds.map(async ({ apiVersion, kind }) => {
      const objects = await ctx.cluster.list({ apiVersion, kind }, { metadataOnly: true });
      return objects.map((object) => ({ ...object, apiVersion, kind }));
    }),
  );
  return lists.flat().filter((object) => !isOurs(object) && !isFannedOut(object, ctx.config.pullSecret.name));
}

/** The kind that a definition defines, in the version that is stored. */
function kindsOf(definition: KubeObject): Kind[] {
  const { group, names, versions } = definition['spec'] as {
    group: string;
    names: { kind: string };
    versions: readonly { name: string; storage?: boolean }[];
  };
  const stored = versions.find(({ storage }) => storage);
  return stored ? [{ apiVersion: `${group}/${stored.name}`, kind: names.kind }] : [];
}
