/** Plain data as it comes out of a YAML file. */
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

/** Sets a value, making the objects on the way. Something on the way that is no object stays for the schema to refuse. */
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

/** Deletes the value at a path; for an entry of a list the whole list. */
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

/** The longest part of a path that leads to something. */
export function existingPrefix(tree: Tree, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const [key, ...rest] = path;
  if (key === undefined || tree[String(key)] === undefined) return [];
  const next = tree[String(key)];
  return isTree(next) ? [key, ...existingPrefix(next, rest)] : path;
}

/** Every value that is not itself an object, as [path, value]; empty objects count as values. */
export function leaves(tree: Tree, prefix = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
    isTree(value) && Object.keys(value).length > 0
      ? leaves(value, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value]],
  );
}

/** The tree without keys that were written and left empty: they count as not written. */
export function withoutNulls(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
      value === null ? [] : [[key, isTree(value) ? withoutNulls(value) : value]],
    ),
  );
}

/**
 * The 1-based line of a key in a YAML text in block style, found by following the keys' indentation; the nearest
 * parent's line for anything written in another style, undefined when not even the first key is found.
 */
export function lineOf(text: string, path: readonly PropertyKey[]): number | undefined {
  const lines = text.split('\n');
  let line: number | undefined;
  let from = 0;
  let indent = -1;
  for (const key of path) {
    if (typeof key !== 'string') break;
    const found = lines.findIndex((candidate, index) => {
      if (index < from) return false;
      const [, spaces = '', name] = /^(\s*)["']?([^"':#]+)["']?\s*:(\s|$)/.exec(candidate) ?? [];
      return name?.trim() === key && spaces.length > indent;
    });
    if (found < 0) break;
    indent = /^\s*/.exec(lines[found] ?? '')?.[0].length ?? 0;
    from = found + 1;
    line = found + 1;
  }
  return line;
}
