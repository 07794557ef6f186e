import { randomUUID } from 'node:crypto';
import { refOf } from '../cluster/names.ts';
import type { ClusterPort, JsonPatchOperation, KubeObject } from '../cluster/port.ts';
import { annotations } from './ownership.ts';

/**
 * Makes the operator look at one of its objects at once, by an annotation.
 * @param parent what the annotation belongs to: `/metadata`, or where the object has the metadata of what it makes
 */
export async function forceSync(
  cluster: ClusterPort,
  object: KubeObject,
  parent: '/metadata' | '/spec/externalSecretMetadata',
): Promise<void> {
  await cluster.patch(refOf(object), annotate(object, parent, randomUUID()));
}

/** Sets the annotation below `parent`, with the maps that are not there yet. */
function annotate(object: KubeObject, parent: string, value: string): JsonPatchOperation[] {
  const path = `${parent}/annotations`;
  const missing = [parent, path].filter((map) => !has(object, map));
  const key = annotations.forceSync.replace('/', '~1');
  return [
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
