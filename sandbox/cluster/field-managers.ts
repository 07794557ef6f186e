import { StatusError } from './errors.ts';
import {
  commonPaths,
  compare,
  difference,
  fieldsOf,
  isMember,
  nodesOf,
  type Place,
  union,
} from './field-sets.ts';
import {
  type Draft,
  equal,
  type Fields,
  type FieldSet,
  isFields,
  type KubeObject,
  type ManagedFields,
} from './objects.ts';

/*
 * The record of which client set which fields, and server-side apply, which reads it. Sources: the Kubernetes
 * documentation, "Server-Side Apply"; sigs.k8s.io/structured-merge-diff; k8s.io/apimachinery, util/managedfields.
 */

/** The client of a write. */
export interface Manager {
  readonly manager: string;
  readonly apiVersion: string;
  /** The time of the write. */
  readonly time: string;
}

/** What the server needs to know about a kind. */
interface Type {
  readonly kind: string;
  readonly custom: boolean;
  /** Whether only the status subresource can write `status`. */
  readonly status: boolean;
}

const placeOf = ({ kind, custom }: Type): Place => ({ kind, isCustom: custom, parent: '', name: '' });

const ownedMetadata = ['labels', 'annotations', 'ownerReferences', 'finalizers', 'generateName'] as const;

/** The fields that a manager can own. */
function ownable({ apiVersion: _, kind: __, metadata, ...fields }: Draft, { status }: Type): Fields {
  const owned = ownedMetadata.filter((name) => metadata[name] !== undefined);
  const kept: Fields = fields;
  if (owned.length > 0) kept['metadata'] = Object.fromEntries(owned.map((name) => [name, metadata[name]]));
  if (status) delete kept['status'];
  return kept;
}

/**
 * Records a write other than an apply: the client alone owns what it added or changed. An object that
 * has no record stays without one until its first apply.
 * @param after changed in place
 */
export function recordUpdate(
  writer: Manager,
  before: KubeObject | undefined,
  after: KubeObject,
  type: Type,
): void {
  const record = before ? (after.metadata.managedFields ?? before.metadata.managedFields) : [];
  if (before && !record?.length) return;
  const { set, removed } = compare(before ? ownable(before, type) : {}, ownable(after, type), placeOf(type));
  if (!before && isNone(set)) return;
  const entries = lose(record ?? [], set, removed);
  const isOwn = (entry: ManagedFields) =>
    entry.manager === writer.manager &&
    entry.operation === 'Update' &&
    entry.apiVersion === writer.apiVersion &&
    !entry.subresource;
  const own = entryOf(writer, 'Update', union(entries.find(isOwn)?.fieldsV1 ?? {}, set));
  after.metadata.managedFields = isNone(set)
    ? entries
    : sorted([...entries.filter((entry) => !isOwn(entry)), own]);
}

/** The record of an object whose earlier writers are unknown. */
function recordUnknown(writer: Manager, current: KubeObject, type: Type): ManagedFields[] {
  const { set } = compare({}, ownable(current, type), placeOf(type));
  return [entryOf({ ...writer, manager: 'before-first-apply' }, 'Update', set)];
}

/**
 * Merges the applied fields into the object. Removes the fields that the manager applied before and no longer applies,
 * unless another manager owns them.
 * @throws StatusError when it would change fields of other managers, unless `force`
 */
export function applyFields(
  writer: Manager,
  current: KubeObject | undefined,
  applied: Draft,
  type: Type,
  force: boolean,
): Draft {
  const place = placeOf(type);
  const set = fieldsOf(ownable(applied, type), place, false) ?? {};
  if (!current) return withRecord(applied, isNone(set) ? [] : [entryOf(writer, 'Apply', set)]);
  const record = current.metadata.managedFields?.length
    ? current.metadata.managedFields
    : recordUnknown(writer, current, type);
  const isOwn = ({ manager, operation, subresource }: ManagedFields) =>
    manager === writer.manager && operation === 'Apply' && !subresource;
  const last = record.find(isOwn);
  const others = record.filter((entry) => !isOwn(entry));
  const named = union(set, { 'f:metadata': { 'f:name': {} } });
  const owned = others.reduce((fields, { fieldsV1 = {} }) => union(fields, fieldsV1), named);
  const merged = prune(merge(current, applied, place), last?.fieldsV1 ?? {}, owned, place) as Draft;
  const changes = compare(ownable(current, type), ownable(merged, type), place);
  if (!force) refuseConflicts(others, changes.set);
  const own = entryOf(writer, 'Apply', set);
  // A repetition changes nothing, so it gets no new version.
  if (last && equal(last.fieldsV1, set)) Object.assign(own, { time: last.time });
  const kept = lose(others, changes.set, changes.removed);
  return withRecord(merged, sorted(isNone(set) ? kept : [own, ...kept]));
}

const withRecord = (object: Draft, managedFields: ManagedFields[]): Draft => ({
  ...object,
  metadata: { ...object.metadata, managedFields },
});

const entryOf = (
  { manager, apiVersion, time }: Manager,
  operation: string,
  fieldsV1: FieldSet,
): ManagedFields => ({
  manager,
  operation,
  apiVersion,
  time,
  fieldsType: 'FieldsV1',
  fieldsV1,
});

const isNone = (fields: FieldSet): boolean => Object.keys(fields).length === 0;

/** The record without the fields that another manager has set or removed. */
function lose(record: readonly ManagedFields[], set: FieldSet, removed: FieldSet): ManagedFields[] {
  return record
    .map((entry) => ({ ...entry, fieldsV1: difference(difference(entry.fieldsV1 ?? {}, set), removed) }))
    .filter(({ fieldsV1, subresource }) => subresource !== undefined || !isNone(fieldsV1));
}

function sorted(record: readonly ManagedFields[]): ManagedFields[] {
  const order = ({ operation = '', time = '', manager = '' }: ManagedFields) =>
    `${operation} ${time} ${manager}`;
  return [...record].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function merge(current: unknown, applied: unknown, place: Place): unknown {
  const [old, next] = [nodesOf(current, place), nodesOf(applied, place)];
  if (!old || !next) return applied;
  if (isFields(current)) {
    const merged: Fields = { ...current };
    for (const [element, { value, place: below }] of next) {
      merged[element.slice(2)] = merge(old.get(element)?.value, value, below);
    }
    return merged;
  }
  // Items that are not applied keep their place before the applied ones that follow them.
  const rest = [...old];
  const merged: unknown[] = [];
  const takeOthers = () => {
    while (rest[0] && !next.has(rest[0][0])) merged.push(rest.shift()?.[1].value);
  };
  for (const [element, { value, place: below }] of next) {
    takeOthers();
    if (old.has(element)) rest.shift();
    merged.push(merge(old.get(element)?.value, value, below));
  }
  takeOthers();
  return merged;
}

/** Removes the fields in `last`, except those in `owned`. */
function prune(value: unknown, last: FieldSet, owned: FieldSet, place: Place): unknown {
  const kept: [string, unknown][] = [];
  for (const [element, node] of nodesOf(value, place) ?? []) {
    const [before, now] = [last[element], owned[element]];
    const isNamed = element.startsWith('f:');
    const isOwned = now !== undefined && (isNamed || isMember(now));
    if (before && !isOwned && (isNamed || isMember(before))) continue;
    kept.push([element.slice(2), before ? prune(node.value, before, now ?? {}, node.place) : node.value]);
  }
  if (!nodesOf(value, place)) return value;
  return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept);
}

function refuseConflicts(others: readonly ManagedFields[], set: FieldSet): void {
  const conflicts = others.flatMap(({ manager = '', operation, apiVersion = '', fieldsV1 = {} }) => {
    const owner = `"${manager}"${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
    return commonPaths(fieldsV1, set).map((field) => ({ owner, field }));
  });
  const [first] = conflicts;
  if (!first) return;
  const owners = new Set(conflicts.map(({ owner }) => owner));
  const lines = [...owners].flatMap((owner) => [
    `conflicts with ${owner}:`,
    ...conflicts.filter((conflict) => conflict.owner === owner).map(({ field }) => `- ${field}`),
  ]);
  const why =
    conflicts.length === 1
      ? `1 conflict: conflict with ${first.owner}: ${first.field}`
      : `${conflicts.length} conflicts: ${lines.join('\n')}`;
  const causes = conflicts.map(({ owner, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field,
  }));
  throw new StatusError(409, 'Conflict', `Apply failed with ${why}`, { causes });
}
