import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { Kind, KubeObject } from '../../clients/kubernetes/port.ts';
import type { Diff } from '../../core/step.ts';
import type { Finding } from '../../core/findings.ts';
import { nameOf } from '../../core/members.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { isDistributed } from '../../cluster/coverage.ts';
import { isHeld, isManaged, type ObjectsState, removeObjects } from '../../cluster/objects.ts';
import { finding } from '../../core/findings.ts';

/**
 * Deleting a definition deletes every object of its kind: they are deleted only when all objects are of this program. A
 * definition whose objects are held by finalizers stays: its deletion would not end before they are gone, and until
 * then the kind could not be used.
 */
export async function removeCrds(state: ObjectsState, ctx: ExternalSecretsContext): Promise<Diff> {
  const removal = removeObjects(state);
  if (removal.changes.length === 0) return removal;
  const defined = await definedObjects(state, ctx);
  const others = defined.filter(
    ({ object }) => !isManaged(object) && !isDistributed(object, ctx.config.pullSecret.name),
  );
  const [first] = others;
  if (!first) return withoutHeld(removal, defined);
  const more = others.length > 1 ? ` and ${others.length - 1} more` : '';
  return {
    changes: [],
    findings: [
      finding('left-behind', {
        target: { kind: 'CustomResourceDefinition', name: 'external-secrets.io' },
        what: 'the definitions of External Secrets Operator are left',
        why: `they define objects of others, which would go with them: ${nameOf(targetOf(refOf(first.object)))}${more}; without the operator nothing syncs these any more`,
        hint: 'Move them to another installation of the operator, or delete them, and run the same command again.',
      }),
    ],
  };
}

interface Defined {
  /** The name of its definition. */
  readonly definition: string;
  readonly object: KubeObject;
}

async function definedObjects(
  { observed }: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<readonly Defined[]> {
  const lists = await Promise.all(
    [...observed.values()].flatMap((definition) =>
      kindsOf(definition).map(async ({ apiVersion, kind }) => {
        const objects = await ctx.cluster.list({ apiVersion, kind }, { metadataOnly: true });
        return objects.map((object) => ({
          definition: definition.metadata.name,
          object: { ...object, apiVersion, kind },
        }));
      }),
    ),
  );
  return lists.flat();
}

function withoutHeld({ changes, findings }: Diff, defined: readonly Defined[]): Diff {
  const held = new Map(
    defined.filter(({ object }) => isHeld(object)).map(({ definition, object }) => [definition, object]),
  );
  return {
    changes: changes.filter(({ target }) => !held.has(target.name)),
    findings: [...findings, ...[...held].map(heldFinding)],
  };
}

function heldFinding([definition, object]: readonly [string, KubeObject]): Finding {
  const { kind, metadata } = object;
  const { name, namespace, finalizers = [] } = metadata;
  return finding('left-behind', {
    target: { kind: 'CustomResourceDefinition', name: definition },
    what: `the definition ${definition} is left`,
    why: `${nameOf(targetOf(refOf(object)))} is being deleted and has finalizers: ${finalizers.join(', ')}`,
    hint: `Remove what holds it (kubectl ${namespace === undefined ? '' : `-n ${namespace} `}get ${kind.toLowerCase()} ${name} -o yaml), then run the same command again.`,
  });
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
