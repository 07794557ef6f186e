/** The API server's record of which client set which fields. Only the fields that this program reads. */
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

/** The field manager under which the API server records the fields that this program sets. */
export const fieldManager = 'ecr-bootstrap';

export const isManagedApply = ({ manager, operation }: ManagedFields): boolean =>
  manager === fieldManager && operation === 'Apply';

/** Whether a person or an installation tool set the fields, and not a controller. */
export const isManualChange = ({ manager = '', subresource }: ManagedFields): boolean =>
  /^(kubectl|helm|kustomize|before-first-apply)/i.test(manager) && !subresource;

/** Helm and this program recognize a release by these annotations. */
const isReleaseMark = (annotation: string): boolean => annotation.startsWith('f:meta.helm.sh/');

/**
 * The record after adoption: this program owns the manually set fields, so its next apply removes the undesired ones.
 * Undefined when no field was set manually. Helm keeps the annotations of its release.
 */
export function adoptedFields(
  record: readonly ManagedFields[],
  apiVersion: string,
): readonly ManagedFields[] | undefined {
  const manual = record.filter(isManualChange);
  if (manual.length === 0) return undefined;
  const moved = [...record.filter(isManagedApply), ...manual].map(({ fieldsV1 = {} }) =>
    withoutRelease(fieldsV1),
  );
  const adopted: ManagedFields = {
    manager: fieldManager,
    operation: 'Apply',
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: moved.reduce(union, {}),
  };
  const kept = manual.flatMap((entry) => {
    const marks = releaseOf(entry.fieldsV1 ?? {});
    return marks ? [{ ...entry, fieldsV1: marks }] : [];
  });
  return [adopted, ...record.filter((entry) => !isManualChange(entry) && !isManagedApply(entry)), ...kept];
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

/** The fields without the annotations of Helm's release. */
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
