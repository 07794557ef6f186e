/** The line of a key in a YAML file, from 1. Undefined if the file does not have the first key of the path. */
export type LineOf = (path: readonly PropertyKey[]) => number | undefined;

/** A value of a YAML file. The children of a mapping are its keys and values, alternating. */
interface Node {
  readonly line: number;
  readonly children: Node[];
  result?: unknown;
}

/**
 * Parses YAML, with the positions that js-yaml reports while it parses.
 * @throws YAMLException
 */
export async function parseYaml(
  text: string,
  filename: string,
): Promise<{ readonly values: unknown; readonly lineOf: LineOf }> {
  const { load } = await import('js-yaml');
  const root: Node = { line: 0, children: [] };
  const open = [root];
  const values = load(text, {
    filename,
    listener(event, state) {
      if (event === 'open') {
        open.push({ line: state.line + 1, children: [] });
        return;
      }
      const node = open.pop();
      if (!node) return;
      node.result = state.result as unknown;
      open.at(-1)?.children.push(node);
    },
  });
  return { values, lineOf: (path) => findLine(root.children[0], path) };
}

/** For an entry of a list or a value of an alias, the line of the nearest enclosing key. */
function findLine(document: Node | undefined, path: readonly PropertyKey[]): number | undefined {
  let line: number | undefined;
  let node = document;
  for (const key of path) {
    const at: number = node?.children.findIndex(({ result }, i) => i % 2 === 0 && result === key) ?? -1;
    if (at < 0) break;
    line = node?.children[at]?.line;
    node = node?.children[at + 1];
  }
  return line;
}
