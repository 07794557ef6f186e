/** The part of the IAM policy language that the product's policies and the AWS managed policies use. */

type OneOrMore = string | readonly string[];
type Conditions = Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>;

export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: OneOrMore;
  readonly NotAction?: OneOrMore;
  readonly Resource?: OneOrMore;
  readonly NotResource?: OneOrMore;
  readonly Condition?: Conditions;
}

/** A request to authorize. `keys` are its condition keys, for example `aws:TagKeys`. */
export interface Access {
  readonly action: string;
  readonly resource: string;
  readonly keys: Readonly<Record<string, OneOrMore | undefined>>;
}

export type Decision = 'allowed' | 'denied explicitly' | 'not allowed';

/** @throws {SyntaxError} for a document that is not JSON or has no Statement */
export function statementsOf(document: string): Statement[] {
  const { Statement: statements } = JSON.parse(document) as { Statement?: Statement | Statement[] };
  if (statements === undefined) throw new SyntaxError('a policy document needs a Statement');
  return Array.isArray(statements) ? statements : [statements];
}

export function decide(statements: readonly Statement[], access: Access): Decision {
  const applying = statements.filter((statement) => applies(statement, access));
  if (applying.some(({ Effect }) => Effect === 'Deny')) return 'denied explicitly';
  return applying.length > 0 ? 'allowed' : 'not allowed';
}

const list = (value: OneOrMore | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** Whether `text` matches a pattern with `*` and `?`. */
function like(pattern: string, text: string, flags = ''): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, `s${flags}`).test(text);
}

function applies(statement: Statement, { action, resource, keys }: Access): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement;
  const names = (patterns: OneOrMore | undefined) => list(patterns).some((one) => like(one, action, 'i'));
  const covers = (patterns: OneOrMore | undefined) => list(patterns).some((one) => like(one, resource));
  return (
    (NotAction === undefined ? names(Action) : !names(NotAction)) &&
    (NotResource === undefined ? covers(Resource) : !covers(NotResource)) &&
    Object.entries(Condition).every(([operator, tests]) =>
      Object.entries(tests).every(([key, wanted]) => holds(operator, list(valueOf(keys, key)), list(wanted))),
    )
  );
}

/** Condition keys are case-insensitive, except the part after the slash of a tag key. */
function valueOf(keys: Access['keys'], name: string): OneOrMore | undefined {
  const [prefix = '', ...rest] = name.split('/');
  const entry = Object.entries(keys).find(([key]) => {
    const [other = '', ...others] = key.split('/');
    return other.toLowerCase() === prefix.toLowerCase() && others.join('/') === rest.join('/');
  });
  return entry?.[1];
}

const comparisons: Record<string, (wanted: string, actual: string) => boolean> = {
  StringEquals: (wanted, actual) => wanted === actual,
  StringLike: (wanted, actual) => like(wanted, actual),
  ArnEquals: (wanted, actual) => like(wanted, actual),
  ArnLike: (wanted, actual) => like(wanted, actual),
  Bool: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase(),
};

function holds(operator: string, actual: readonly string[], wanted: readonly string[]): boolean {
  const [name = '', quantifier] = operator.split(':').reverse();
  if (name === 'Null') return wanted.includes(String(actual.length === 0));
  if (name.endsWith('IfExists') && actual.length === 0) return true;
  const negated = name.includes('Not');
  const compare = comparisons[name.replace('Not', '').replace('IfExists', '')];
  if (!compare) throw new Error(`the sandbox knows no condition operator ${operator}`);
  const passes = (value: string) => wanted.some((one) => compare(one, value)) !== negated;
  if (quantifier === 'ForAllValues') return actual.every(passes);
  return actual.length === 0 ? negated : actual.some(passes);
}
