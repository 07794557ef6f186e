/**
 * An element's content: its text, or its children by name. Several children of one name, and `member`s, become a
 * list.
 */
export type Content = string | undefined | Content[] | { [name: string]: Content };

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescape = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return entities[name ?? ''] ?? whole;
    },
  );

/**
 * Reads the XML of AWS's query services, which has neither relevant attributes nor mixed content.
 * @returns the root's content
 * @throws {SyntaxError}
 */
export function parseXml(text: string): Content {
  const tokens = text.replace(/<\?.*?\?>/s, '').matchAll(/<(\/?)([\w:]+)[^>]*?(\/?)>([^<]*)/g);
  const stack: { name: string; text: string; children: Record<string, Content> }[] = [];
  let root: Content;
  const close = (name: string): void => {
    const element = stack.pop();
    if (element?.name !== name) throw new SyntaxError(`<${element?.name}> is closed by </${name}>`);
    const empty = Object.keys(element.children).length === 0;
    const content = empty ? unescape(element.text.trim()) : listOf(element.children);
    const parent = stack.at(-1);
    if (parent) add(parent.children, name, content);
    else root = content;
  };
  for (const [, end, name = '', empty, after = ''] of tokens) {
    if (end) close(name);
    else stack.push({ name, text: after, children: {} });
    if (empty) close(name);
  }
  if (stack.length > 0) throw new SyntaxError(`<${stack.at(-1)?.name}> is never closed`);
  return root;
}

function add(children: Record<string, Content>, name: string, content: Content): void {
  const before = children[name];
  if (name === 'member') children[name] = [...(Array.isArray(before) ? before : []), content];
  else children[name] = before === undefined ? content : [before, content].flat();
}

/** `<Tags><member/></Tags>` is the list itself. */
const listOf = (children: Record<string, Content>): Content => children['member'] ?? children;
