/**
 * Renders a template of the operator's engine v2 (Go's text/template with the functions of sprig). Supports fields,
 * literals, parentheses, pipes and the functions below. Anything else is an error, like an unknown function in the
 * operator.
 * @throws Error when the template is invalid, or names a key that is not in the data
 */
export function render(template: string, data: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (_, expression: string) => {
    const tokens = tokenize(expression);
    const value = pipeline(tokens, data);
    if (tokens.length > 0) throw new Error(`unexpected ${String(tokens[0])} in operand`);
    return text(value);
  });
}

type Value = string | Readonly<Record<string, string>>;

const functions: Record<string, (...values: Value[]) => Value> = {
  index: (map = {}, key = '') => field(map, text(key)),
  trimPrefix: (prefix = '', value = '') => {
    const [start, whole] = [text(prefix), text(value)];
    return whole.startsWith(start) ? whole.slice(start.length) : whole;
  },
  b64enc: (value = '') => Buffer.from(text(value)).toString('base64'),
  printf: (format = '', ...values) => text(format).replaceAll(/%[sv]/g, () => text(values.shift() ?? '')),
  quote: (value = '') => JSON.stringify(value),
  toJson: (value = '') => JSON.stringify(value),
};

function tokenize(expression: string): string[] {
  const tokens = expression.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|[()|]|[^\s()|"`]+/g);
  if (tokens === null) throw new Error('missing value for command');
  return tokens;
}

function pipeline(tokens: string[], data: Readonly<Record<string, string>>): Value {
  let value = command(tokens, data, []);
  while (tokens[0] === '|') {
    tokens.shift();
    value = command(tokens, data, [value]);
  }
  return value;
}

/** One command of a pipe: a function with its arguments, or a value. The piped value is the last argument. */
function command(tokens: string[], data: Readonly<Record<string, string>>, piped: Value[]): Value {
  const called = functions[tokens[0] ?? ''];
  if (called === undefined) {
    if (piped.length > 0) throw new Error(`function "${String(tokens[0])}" not defined`);
    return operand(tokens, data);
  }
  tokens.shift();
  const values: Value[] = [];
  while (tokens.length > 0 && tokens[0] !== '|' && tokens[0] !== ')') values.push(operand(tokens, data));
  return called(...values, ...piped);
}

function operand(tokens: string[], data: Readonly<Record<string, string>>): Value {
  const token = tokens.shift() ?? '';
  if (token === '.') return data;
  if (token.startsWith('.')) return field(data, token.slice(1));
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (token.startsWith('`')) return token.slice(1, -1);
  if (token !== '(') throw new Error(`function "${token}" not defined`);
  const value = pipeline(tokens, data);
  if (tokens.shift() !== ')') throw new Error('unclosed left paren');
  return value;
}

function field(map: Value, key: string): string {
  const value = typeof map === 'string' ? undefined : map[key];
  if (value === undefined) throw new Error(`map has no entry for key "${key}"`);
  return value;
}

function text(value: Value): string {
  if (typeof value === 'string') return value;
  return `map[${Object.entries(value)
    .map(([key, inner]) => `${key}:${inner}`)
    .join(' ')}]`;
}
