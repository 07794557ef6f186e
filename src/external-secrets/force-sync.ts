import { randomUUID } from 'node:crypto';
import { ClusterRefusal } from '../clients/kubernetes/errors.ts';
import { refOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, JsonPatchOperation, KubeObject } from '../clients/kubernetes/port.ts';
import { annotations } from '../core/ownership.ts';

const maxAttempts = 5;

/**
 * Makes the operator look at one of its objects at once, by an annotation.
 * @param parent what the annotation belongs to: `/metadata`, or where the object has the metadata of what it makes
 */
export async function forceSync(
  cluster: ClusterPort,
  object: KubeObject,
  parent: '/metadata' | '/spec/externalSecretMetadata',
): Promise<void> {
  let seen = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await cluster.patch(refOf(seen), annotate(seen, parent, randomUUID()));
      return;
    } catch (error) {
      const isConflict = error instanceof ClusterRefusal && error.refusal === 'conflict';
      const now = isConflict && attempt < maxAttempts ? await cluster.get(refOf(seen)) : undefined;
      if (!now) throw error;
      seen = now;
    }
  }
}

/** Sets the annotation below `parent`, with the maps that are not there yet, unless another client added them meanwhile. */
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
