import { isDeepStrictEqual } from 'node:util';
import type { Value } from '../../core/schemas.ts';
import type { Field } from '../../core/step.ts';
import type { PolicyDocument } from './document.ts';

/**
 * Compares a policy with the desired one, statement by statement. IAM treats a string as a list with one item, and
 * ignores the order of lists and the case of actions, so these are not differences.
 */
export function compareDocuments(wanted: PolicyDocument, actual: unknown): Field[] {
  const want = statementsBySid(wanted);
  const have = statementsBySid(actual);
  const fields: Field[] = [];
  for (const sid of new Set([...want.keys(), ...have.keys()])) {
    const from = have.get(sid);
    const to = want.get(sid);
    const path = `document.${sid}`;
    if (from && to) fields.push(...compareStatements(sid, from, to));
    else fields.push({ path, statement: sid, ...(from ? { from } : {}), ...(to ? { to } : {}) });
  }
  return fields;
}

/**
 * The actual policy, written as the desired one: what IAM treats as equal is equal, in the order of the desired policy.
 * Statements and values of the actual policy alone come first: at the end, they
 * would add commas to the lines before them.
 */
export function inNotationOf(wanted: PolicyDocument, actual: unknown): object {
  const { Statement: statements } = (actual ?? {}) as { Statement?: unknown };
  const left = new Map([statements ?? []].flat().map((each, index) => [sidOf(each, index), each]));
  const known = wanted.Statement.flatMap((statement) => {
    const own: unknown = left.get(statement.Sid);
    left.delete(statement.Sid);
    return typeof own === 'object' && own !== null ? [statementAs({ ...statement }, { ...own })] : [];
  });
  return { ...wanted, Statement: [...left.values(), ...known] };
}

type Statement = Readonly<Record<string, unknown>>;

function statementAs(wanted: Statement, actual: Statement): Statement {
  const keys = [...Object.keys(wanted), ...Object.keys(actual)].filter((key) => key in actual);
  return Object.fromEntries([...new Set(keys)].map((key) => [key, valueAs(key, wanted[key], actual[key])]));
}

function valueAs(key: string, wanted: unknown, actual: unknown): unknown {
  if (wanted === undefined) return actual;
  if (isDeepStrictEqual(meaning(key, normal(wanted)), meaning(key, normal(actual)))) return wanted;
  if (!Array.isArray(wanted)) return actual;
  const desired: readonly unknown[] = wanted;
  const values: readonly unknown[] = [actual].flat();
  return [
    ...values.filter((one) => !desired.includes(one)),
    ...desired.filter((one) => values.includes(one)),
  ];
}

type Plain = Readonly<Record<string, Value>>;

function compareStatements(sid: string, from: Plain, to: Plain): Field[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((key) => !isDeepStrictEqual(meaning(key, from[key]), meaning(key, to[key])))
    .map((key) => ({
      path: `document.${sid}.${key}`,
      statement: sid,
      ...(key in from ? { from: from[key] } : {}),
      ...(key in to ? { to: to[key] } : {}),
    }));
}

/** IAM ignores the case of action names and condition keys. */
function meaning(key: string, value: Value): unknown {
  if (key === 'Action' || key === 'NotAction') return sorted(textsIn(value).map((one) => one.toLowerCase()));
  return key === 'Condition' ? conditionsOf(value) : value;
}

/** Conditions by lower-case operator and key. A document can contain the same key in two spellings. */
function conditionsOf(value: Value): unknown {
  const all = new Map<string, unknown>();
  for (const [operator, keys] of Object.entries((value ?? {}) as Plain)) {
    for (const [name, values] of Object.entries((keys ?? {}) as Plain))
      all.set(`${operator} ${name}`.toLowerCase(), values);
  }
  return Object.fromEntries([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** {@link normal} converts every string to a list of strings. */
const textsIn = (value: Value): string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string');

const sorted = (values: readonly string[]): readonly string[] => [...new Set(values)].sort();

function statementsBySid(document: unknown): Map<string, Plain> {
  const { Statement: statements } = (document ?? {}) as { Statement?: unknown };
  return new Map(
    [statements ?? []].flat().map((statement, index) => {
      return [sidOf(statement, index), normal(statement) as Plain];
    }),
  );
}

function sidOf(statement: unknown, index: number): string {
  const { Sid: sid } = (statement ?? {}) as { Sid?: unknown };
  const [id]: readonly unknown[] = [sid].flat();
  return typeof id === 'string' ? id : `statement ${index + 1}`;
}

/** Converts every string to a list, also `Effect` and `Sid`, and sorts every list. Applied to both policies. */
function normal(value: unknown): Value {
  if (Array.isArray(value)) return sorted(value.map(String));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, normal(member)]));
  }
  return [String(value)];
}
