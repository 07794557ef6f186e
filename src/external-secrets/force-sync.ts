import { randomUUID } from 'node:crypto';
import { ClusterRefusal } from '../clients/kubernetes/errors.ts';
import { refOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, JsonPatchOperation, KubeObject } from '../clients/kubernetes/port.ts';
import { annotations } from '../core/ownership.ts';

const maxAttempts = 5;

/**
 * Has the operator reconcile an object at once, by an annotation.
 * @param parent where the annotation goes: `/metadata`, or the metadata of the ExternalSecrets that the object creates
 */
export async function forceSync(
  cluster: ClusterPort,
  object: KubeObject,
  parent: '/metadata' | '/spec/externalSecretMetadata',
): Promise<void> {
  let current = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await cluster.patch(refOf(current), annotate(current, parent, randomUUID()));
      return;
    } catch (error) {
      const isConflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
      const latest = isConflict && attempt < maxAttempts ? await cluster.get(refOf(current)) : undefined;
      if (!latest) throw error;
      current = latest;
    }
  }
}

/** Adds the annotation and missing parent maps. A test of the version keeps maps that another client adds meanwhile. */
function annotate(object: KubeObject, parent: string, value: string): JsonPatchOperation[] {
  const path = `${parent}/annotations`;
  const missing = [parent, path].filter((map) => !has(object, map));
  const key = annotations.forceSync.replace('/', '~1');
  const { resourceVersion } = object.metadata;
  return [
    ...(missing.length > 0
      ? [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion } as const]
      : []),
    ...missing.map((map) => ({ op: 'add', path: map, value: {} }) as const),
    { op: 'add', path: `${path}/${key}`, value },
  ];
}

const has = (object: KubeObject, path: string): boolean =>
  path
    .slice(1)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object) !==
  undefined;
