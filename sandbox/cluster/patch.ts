import { StatusError } from './errors.ts';
import { equal, type Fields, isFields, without } from './objects.ts';

/** Lists that server-side apply merges by a key. All others are atomic: the applied list replaces the old one. */
const listKeys: Record<string, string> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  webhooks: 'name',
  imagePullSecrets: 'name',
};

/**
 * Server-side apply without field ownership: a recursive merge, which merges keyed lists by their key.
 * `imagePullSecrets` is atomic in a ServiceAccount, although it is keyed in a pod (listType in the API types).
 */
export function applyMerge(current: unknown, applied: unknown, atRoot = true): unknown {
  if (!isFields(current) || !isFields(applied)) return applied;
  const merged: Fields = { ...current };
  for (const [name, value] of Object.entries(applied)) {
    const key = atRoot && name === 'imagePullSecrets' ? undefined : listKeys[name];
    const old = merged[name];
    merged[name] =
      key !== undefined && Array.isArray(old) && Array.isArray(value)
        ? mergeList(old, value, key)
        : applyMerge(old, value, false);
  }
  return merged;
}

function mergeList(current: unknown[], applied: unknown[], key: string): unknown[] {
  const keyOf = (item: unknown) => (isFields(item) ? item[key] : undefined);
  const rest = current.filter((old) => !applied.some((item) => keyOf(item) === keyOf(old)));
  const merged = applied.map((item) =>
    applyMerge(
      current.find((old) => keyOf(old) === keyOf(item)),
      item,
      false,
    ),
  );
  return [...merged, ...rest];
}

/** JSON merge patch, RFC 7386. */
export function mergePatch(current: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const old: Fields = isFields(current) ? current : {};
  const kept = Object.entries(patch).filter(([, value]) => value !== null);
  const merged = kept.map(([name, value]) => [name, mergePatch(old[name], value)] as const);
  return { ...without(old, ...Object.keys(patch)), ...Object.fromEntries(merged) };
}

interface Operation {
  op: string;
  path: string;
  value?: unknown;
}

/** The API server gives no more details about a JSON patch that cannot be applied. */
const rejected = () =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request');

/** JSON patch, RFC 6902: add, remove, replace, test. A missing path or a failed test gives a 422. */
export function jsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new StatusError(400, 'BadRequest', 'error decoding patch');
  const root = { document: structuredClone(document) };
  for (const { op, path, value } of operations as readonly Operation[]) {
    const names = path.split('/').slice(1);
    const segments = ['document', ...names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))];
    const last = segments.pop() ?? '';
    let parent: unknown = root;
    for (const segment of segments) parent = child(parent, segment);
    change(parent, last, op, value);
  }
  return root.document;
}

function child(parent: unknown, name: string): unknown {
  if (Array.isArray(parent)) return parent[Number(name)];
  return isFields(parent) ? parent[name] : undefined;
}

function change(parent: unknown, name: string, op: string, value: unknown): void {
  if (op === 'test') {
    if (!equal(child(parent, name) ?? null, value ?? null)) throw rejected();
  } else if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw rejected();
  } else if (op !== 'add' && child(parent, name) === undefined) {
    throw rejected();
  } else if (Array.isArray(parent)) {
    const index = name === '-' ? parent.length : Number(name);
    if (!(index >= 0 && index <= parent.length)) throw rejected();
    parent.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
  } else if (isFields(parent)) {
    if (op === 'remove') Reflect.deleteProperty(parent, name);
    else parent[name] = value;
  } else {
    throw rejected();
  }
}
