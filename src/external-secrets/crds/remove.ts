import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { Kind, KubeObject } from '../../clients/kubernetes/port.ts';
import type { Diff } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { isDistributed } from '../../cluster/coverage.ts';
import {
  existing,
  isDeletionBlocked,
  isManaged,
  type ObjectChange,
  type ObjectsState,
  removeObjects,
} from '../../cluster/objects.ts';

/**
 * Deleting a CRD deletes all its objects, so the CRDs are deleted only when ecr-bootstrap manages every object. A CRD
 * stays while a finalizer blocks the deletion of one of its objects: a CRD that is being deleted cannot be used.
 */
export async function removeCrds(
  state: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<Diff<ObjectChange>> {
  const removal = removeObjects(state);
  if (removal.changes.length === 0) return removal;
  const objects = await customObjects(state, ctx);
  const unmanaged = objects.filter(
    ({ object }) => !isManaged(object) && !isDistributed(object, ctx.config.pullSecret.name),
  );
  const [first] = unmanaged;
  if (!first) return withoutBlocked(removal, objects);
  const more = unmanaged.length > 1 ? ` and ${unmanaged.length - 1} more` : '';
  return {
    changes: [],
    findings: [
      finding('left-behind', {
        target: { kind: 'CustomResourceDefinition', name: 'external-secrets.io' },
        what: 'the CRDs of External Secrets Operator are kept',
        why: `deleting them would delete unmanaged objects: ${nameOf(targetOf(refOf(first.object)))}${more}; without the operator these are no longer synced`,
        hint: 'Delete these objects, or install another operator for them. Then run the same command again.',
      }),
    ],
  };
}

interface CustomObject {
  readonly crd: KubeObject;
  readonly object: KubeObject;
}

async function customObjects(
  state: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<readonly CustomObject[]> {
  const lists = await Promise.all(
    existing(state).flatMap((crd) =>
      storedKind(crd).map(async ({ apiVersion, kind }) => {
        const objects = await ctx.cluster.list({ apiVersion, kind }, { metadataOnly: true });
        return objects.map((object) => ({ crd, object: { ...object, apiVersion, kind } }));
      }),
    ),
  );
  return lists.flat();
}

function withoutBlocked(
  { changes, findings }: Diff<ObjectChange>,
  objects: readonly CustomObject[],
): Diff<ObjectChange> {
  const blocking = new Map<KubeObject | undefined, CustomObject>(
    objects.filter(({ object }) => isDeletionBlocked(object)).map((blocked) => [blocked.crd, blocked]),
  );
  return {
    changes: changes.filter(({ payload }) => !blocking.has(payload.deletes)),
    findings: [...findings, ...[...blocking.values()].map(blockedFinding)],
  };
}

function blockedFinding({ crd, object }: CustomObject): Finding {
  const { kind, metadata } = object;
  const { name, namespace, finalizers = [] } = metadata;
  return finding('left-behind', {
    target: { kind: 'CustomResourceDefinition', name: crd.metadata.name },
    what: `CRD ${crd.metadata.name} is kept`,
    why: `${nameOf(targetOf(refOf(object)))} is being deleted and has finalizers: ${finalizers.join(', ')}`,
    hint: `Wait for the owners of the finalizers, or remove the finalizers: \`kubectl ${namespace === undefined ? '' : `-n ${namespace} `}edit ${kind.toLowerCase()} ${name}\`. Then run the same command again.`,
  });
}

/** The kind of a CRD in its storage version. */
function storedKind(crd: KubeObject): Kind[] {
  const { group, names, versions } = crd['spec'] as {
    group: string;
    names: { kind: string };
    versions: readonly { name: string; storage?: boolean }[];
  };
  const stored = versions.find(({ storage }) => storage);
  return stored ? [{ apiVersion: `${group}/${stored.name}`, kind: names.kind }] : [];
}
