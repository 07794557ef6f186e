import { randomUUID } from 'node:crypto';
import { isConflict } from '../clients/kubernetes/errors.ts';
import { refOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, JsonPatchOperation, KubeObject } from '../clients/kubernetes/port.ts';
import { annotations } from '../core/ownership.ts';

const maxAttempts = 5;

/**
 * Has the operator reconcile an object at once, by an annotation.
 * @param parent where the annotation goes: `/metadata`, or the metadata of the ExternalSecrets that the object creates
 */
export const forceSync = (
  cluster: ClusterPort,
  object: KubeObject,
  parent: '/metadata' | '/spec/externalSecretMetadata',
): Promise<void> => annotate(cluster, object, { parent, key: annotations.forceSync, value: randomUUID() });

interface Annotation {
  /** The path of the metadata that gets the annotation. */
  readonly parent: '/metadata' | '/spec/externalSecretMetadata' | '/spec/template/metadata';
  readonly key: string;
  readonly value: string;
}

/** Sets one annotation, and repeats that if another client changes the object meanwhile. */
export async function annotate(
  cluster: ClusterPort,
  object: KubeObject,
  annotation: Annotation,
): Promise<void> {
  let current = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await cluster.patch(refOf(current), operations(current, annotation));
      return;
    } catch (error) {
      const latest =
        isConflict(error) && attempt < maxAttempts ? await cluster.get(refOf(current)) : undefined;
      if (!latest) throw error;
      current = latest;
    }
  }
}

/** Adds the annotation and missing parent maps. A test of the version keeps maps that another client adds meanwhile. */
function operations(object: KubeObject, { parent, key, value }: Annotation): JsonPatchOperation[] {
  const path = `${parent}/annotations`;
  const missing = [parent, path].filter((map) => !has(object, map));
  const { resourceVersion } = object.metadata;
  return [
    ...(missing.length > 0
      ? [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion } as const]
      : []),
    ...missing.map((map) => ({ op: 'add', path: map, value: {} }) as const),
    { op: 'add', path: `${path}/${key.replace('/', '~1')}`, value },
  ];
}

const has = (object: KubeObject, path: string): boolean =>
  path
    .slice(1)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object) !==
  undefined;
