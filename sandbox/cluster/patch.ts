import { StatusError } from './errors.ts';
import { equal, type Fields, isFields, without } from './objects.ts';

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
