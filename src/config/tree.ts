/** Plain data as parsed from a YAML file. */
export type Tree = { [key: string]: unknown };

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function getAt(tree: Tree, path: string): unknown {
  let at: unknown = tree;
  for (const key of path.split('.')) {
    if (!isTree(at)) return undefined;
    at = at[key];
  }
  return at;
}

/**
 * Sets a value, and creates the objects of its path. If a value on the path is not an object, it stays, and the
 * schema refuses it.
 */
export function setAt(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop();
  let at = tree;
  for (const key of keys) {
    const next = at[key] ?? (at[key] = {});
    if (!isTree(next)) return;
    at = next;
  }
  if (last !== undefined) at[last] = value;
}

/** Deletes the value at a path. For an entry of a list, deletes the whole list. */
export function deleteAt(tree: Tree, path: readonly PropertyKey[]): void {
  const [key, ...rest] = path;
  if (key === undefined) {
    for (const name of Object.keys(tree)) Reflect.deleteProperty(tree, name);
    return;
  }
  const next = tree[String(key)];
  if (rest.length > 0 && isTree(next)) deleteAt(next, rest);
  else Reflect.deleteProperty(tree, String(key));
}

/** The longest prefix of a path that exists in the tree. */
export function existingPrefix(tree: Tree, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const [key, ...rest] = path;
  if (key === undefined || tree[String(key)] === undefined) return [];
  const next = tree[String(key)];
  return isTree(next) ? [key, ...existingPrefix(next, rest)] : path;
}

/** Every value that is not an object, as [path, value]. Empty objects count as values. */
export function leaves(tree: Tree, prefix = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
    isTree(value) && Object.keys(value).length > 0
      ? leaves(value, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value]],
  );
}

/** The tree without keys that have no value. Such keys count as not set. */
export function withoutNulls(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
      value === null ? [] : [[key, isTree(value) ? withoutNulls(value) : value]],
    ),
  );
}
