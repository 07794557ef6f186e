import type { Target } from '../../core/target.ts';
import type { KubeObject, ObjectRef } from './port.ts';

/** `namespace/name`, or only the name for a cluster-wide object. */
export const fullName = (name: { readonly name: string; readonly namespace?: string }): string =>
  name.namespace === undefined ? name.name : `${name.namespace}/${name.name}`;

export function refOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

export const targetOf = (ref: ObjectRef): Target => ({ kind: ref.kind, name: fullName(ref) });

export const isManagedBy = (object: KubeObject, label: Readonly<Record<string, string>>): boolean =>
  Object.entries(label).every(([key, value]) => object.metadata.labels?.[key] === value);
