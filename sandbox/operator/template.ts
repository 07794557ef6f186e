/**
 * Renders a template of the operator's engine v2 (Go's text/template with the functions of sprig, and with
 * `missingkey=error`). Supports fields, literals, parentheses, pipes and the functions below. Anything else is an error,
 * like an unknown function in the operator.
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

type Data = Readonly<Record<string, string>>;

const functions: Record<string, (data: Data, ...values: unknown[]) => unknown> = {
  index: (data, map, ...keys) => keys.reduce((item, key) => indexed(data, item, text(key)), map),
  trimPrefix: (_, prefix = '', value = '') => {
    const [start, whole] = [text(prefix), text(value)];
    return whole.startsWith(start) ? whole.slice(start.length) : whole;
  },
  b64enc: (_, value = '') => Buffer.from(text(value)).toString('base64'),
  fromJson: (_, value = '') => parsed(text(value)),
  printf: (_, format = '', ...values) =>
    text(format).replaceAll(/%[sv]/g, () => text(values.length > 0 ? values.shift() : '')),
  quote: (_, value = '') => JSON.stringify(value),
  toJson: (_, value = '') => JSON.stringify(value),
};

/** A closing parenthesis and the fields behind it are one token: in `(x).a` the field belongs to the value of `x`. */
function tokenize(expression: string): string[] {
  const tokens = expression.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|\)(?:\.\w+)*|[(|]|[^\s()|"`]+/g);
  if (tokens === null) throw new Error('missing value for command');
  return tokens;
}

function pipeline(tokens: string[], data: Data): unknown {
  let value = command(tokens, data, []);
  while (tokens[0] === '|') {
    tokens.shift();
    value = command(tokens, data, [value]);
  }
  return value;
}

/** One command of a pipe: a function with its arguments, or a value. The piped value is the last argument. */
function command(tokens: string[], data: Data, piped: unknown[]): unknown {
  const called = functions[tokens[0] ?? ''];
  if (called === undefined) {
    if (piped.length > 0) throw new Error(`function "${String(tokens[0])}" not defined`);
    return operand(tokens, data);
  }
  tokens.shift();
  const values: unknown[] = [];
  while (tokens[0] !== undefined && tokens[0] !== '|' && !tokens[0].startsWith(')'))
    values.push(operand(tokens, data));
  return called(data, ...values, ...piped);
}

function operand(tokens: string[], data: Data): unknown {
  const token = tokens.shift() ?? '';
  if (token === '.') return data;
  if (token.startsWith('.')) return fields(data, token);
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (token.startsWith('`')) return token.slice(1, -1);
  if (token !== '(') throw new Error(`function "${token}" not defined`);
  const value = pipeline(tokens, data);
  const end = tokens.shift();
  if (end === undefined) throw new Error('unclosed left paren');
  return fields(value, end.slice(1));
}

/** @param chain for example `.auths.host` */
const fields = (value: unknown, chain: string): unknown => chain.split('.').slice(1).reduce(field, value);

function field(map: unknown, key: string): unknown {
  if (map === undefined || map === null) throw new Error(`nil data; no entry for key "${key}"`);
  if (!isMap(map)) throw new Error(`can't evaluate field ${key} in type ${typeName(map)}`);
  if (!Object.hasOwn(map, key)) throw new Error(`map has no entry for key "${key}"`);
  return map[key];
}

/** As in Go, a key that is missing has the zero value of the map: an empty string in the data, otherwise nil. */
function indexed(data: Data, map: unknown, key: string): unknown {
  if (map === undefined || map === null) throw new Error('error calling index: index of untyped nil');
  if (!isMap(map)) throw new Error(`error calling index: can't index item of type ${typeName(map)}`);
  if (Object.hasOwn(map, key)) return map[key];
  return map === data ? '' : undefined;
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The type in Go of a value that is not a map. */
function typeName(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return 'float64';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

/** As in sprig, text that is not JSON gives nil without an error. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(text).join(' ')}]`;
  if (typeof value === 'string') return value;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${text(inner)}`).join(' ')}]`;
}
