/** The API server's record of who set what, as far as it is read here. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: FieldSet;
}

/** Nested by `f:NAME` (a field) and `k:{"name":"web"}` (an entry of a list that is merged by key). */
export interface FieldSet {
  readonly [key: string]: FieldSet;
}

/** How the API server records whose fields are ours. */
export const fieldManager = 'ecr-bootstrap';

export const isManagedApply = ({ manager, operation }: ManagedFields): boolean =>
  manager === fieldManager && operation === 'Apply';

/** Set by people and by what they install with, and not by controllers. */
export const isManualChange = ({ manager = '', subresource }: ManagedFields): boolean =>
  /^(kubectl|helm|kustomize|before-first-apply)/i.test(manager) && !subresource;

/** By these `helm` and we know a release again. */
const isReleaseMark = (annotation: string): boolean => annotation.startsWith('f:meta.helm.sh/');

/**
 * The record after what was set by hand became ours, so that our next apply takes away what of it is not wanted;
 * undefined when nothing was. Helm keeps what tells of its release.
 */
export function adoptedFields(
  record: readonly ManagedFields[],
  apiVersion: string,
): readonly ManagedFields[] | undefined {
  const theirs = record.filter(isManualChange);
  if (theirs.length === 0) return undefined;
  const moved = [...record.filter(isManagedApply), ...theirs].map(({ fieldsV1 = {} }) =>
    withoutRelease(fieldsV1),
  );
  const ours: ManagedFields = {
    manager: fieldManager,
    operation: 'Apply',
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: moved.reduce(union, {}),
  };
  const kept = theirs.flatMap((entry) => {
    const marks = releaseOf(entry.fieldsV1 ?? {});
    return marks ? [{ ...entry, fieldsV1: marks }] : [];
  });
  return [ours, ...record.filter((entry) => !isManualChange(entry) && !isManagedApply(entry)), ...kept];
}

/** All fields of both. */
export function union(one: FieldSet, other: FieldSet): FieldSet {
  const merged: Record<string, FieldSet> = { ...one };
  for (const [key, inner] of Object.entries(other)) merged[key] = union(merged[key] ?? {}, inner);
  return merged;
}

const annotationsIn = (fields: FieldSet): FieldSet => fields['f:metadata']?.['f:annotations'] ?? {};

const picked = (fields: FieldSet, isWanted: (key: string) => boolean): FieldSet =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => isWanted(key)));

/** The fields but for what tells of Helm's release. */
export function withoutRelease(fields: FieldSet): FieldSet {
  const { 'f:metadata': metadata = {} } = fields;
  if (!metadata['f:annotations']) return fields;
  const annotations = picked(annotationsIn(fields), (key) => !isReleaseMark(key));
  return { ...fields, 'f:metadata': { ...metadata, 'f:annotations': annotations } };
}

function releaseOf(fields: FieldSet): FieldSet | undefined {
  const marks = picked(annotationsIn(fields), isReleaseMark);
  return Object.keys(marks).length > 0 ? { 'f:metadata': { 'f:annotations': marks } } : undefined;
}
