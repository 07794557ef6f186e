import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { Preview } from '../core/step.ts';
import { differencesOf, isSecretPath } from './compare.ts';
import { isManaged, isShared, type ObjectChange } from './objects.ts';
import { isMap, type JsonMap, type Segment } from './path.ts';

/** The object before and after a change. A deletion has no preview. */
export function previewObject({ payload }: Pick<ObjectChange, 'payload'>): Preview | undefined {
  const { applies: desired, observed = payload.deletes } = payload;
  return desired && previewOf(desired, observed);
}

/**
 * The desired object, and the observed one as far as they are compared: the fields that are desired, and those that the
 * change removes. Values that are only written in another way are equal. Values of a Secret are replaced by texts that
 * show whether they differ.
 */
export function previewOf(desired: KubeObject, observed: KubeObject | undefined): Preview {
  const after = plain(desired);
  if (!observed) return { format: 'yaml', after: withoutValues(after, newValue) };
  const before = plain(desired);
  const adopts = !isManaged(observed) && !isShared(desired);
  const shownBefore = withoutValues(before, sameValue);
  const shownAfter = withoutValues(after, sameValue);
  for (const { path, from, to } of differencesOf(desired, observed, adopts)) {
    const isHidden = isSecretPath(path, desired);
    set(shownBefore, path, isHidden ? masked(from, oldValue) : from);
    if (isHidden) set(shownAfter, path, masked(to, newValue));
  }
  return { format: 'yaml', before: shownBefore, after: shownAfter };
}

const sameValue = '(secret, unchanged)';
const oldValue = '(secret, present value)';
const newValue = '(secret, new value)';

/** A copy without nulls, which set nothing. */
function plain(object: KubeObject): JsonMap {
  return JSON.parse(JSON.stringify(object, (_key, value: unknown) => value ?? undefined)) as JsonMap;
}

function withoutValues(object: JsonMap, text: string): JsonMap {
  if (object['kind'] !== 'Secret') return object;
  const hidden = ['data', 'stringData'].filter((field) => field in object);
  return { ...object, ...Object.fromEntries(hidden.map((field) => [field, masked(object[field], text)])) };
}

/** The keys of a map stay. */
function masked(value: unknown, text: string): unknown {
  if (value === undefined) return undefined;
  if (!isMap(value)) return text;
  return Object.fromEntries(Object.keys(value).map((key) => [key, text]));
}

/** Sets the value at a path, or removes it if it is undefined. */
function set(node: unknown, [segment, ...rest]: readonly Segment[], value: unknown): void {
  if (segment === undefined || typeof node !== 'object' || node === null) return;
  const parent = node as JsonMap;
  if (typeof segment === 'object') {
    const items = Array.isArray(parent[segment.list]) ? (parent[segment.list] as unknown[]) : [];
    parent[segment.list] = items;
    const index = items.findIndex(segment.isMatch);
    if (rest.length > 0) set(items[index], rest, value);
    else if (value === undefined) items.splice(index, index < 0 ? 0 : 1);
    else items.splice(index < 0 ? items.length : index, index < 0 ? 0 : 1, value);
    return;
  }
  if (rest.length > 0) {
    const isMissing = typeof parent[segment] !== 'object' || parent[segment] === null;
    if (isMissing) parent[segment] = {};
    set(parent[segment], rest, value);
  } else if (value === undefined) {
    Reflect.deleteProperty(parent, segment);
  } else {
    parent[segment] = value;
  }
}
