import { isDeepStrictEqual } from 'node:util';

type Plain = Readonly<Record<string, unknown>>;

/** Whether two lifecycle policies are equivalent: to ECR the order of rules and tags and the defaults do not matter. */
export const isSameLifecycle = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(normalPolicy(one), normalPolicy(other));

function normalPolicy(policy: unknown): unknown {
  if (!isPlainObject(policy) || !Array.isArray(policy['rules'])) return policy;
  const rules = policy['rules'].map((rule: unknown) => (isPlainObject(rule) ? normalRule(rule) : rule));
  return { ...policy, rules: rules.sort((a, b) => priorityOf(a) - priorityOf(b)) };
}

function normalRule(rule: Plain): Plain {
  const { description, rulePriority, selection, ...rest } = rule;
  return {
    ...rest,
    rulePriority: number(rulePriority),
    ...(description === undefined || description === '' ? {} : { description }),
    selection: isPlainObject(selection) ? normalSelection(selection) : selection,
  };
}

/** By default a rule selects images that are not archived, and a count has no unit. */
function normalSelection(selection: Plain): Plain {
  const fields = { ...selection, countNumber: number(selection['countNumber']) };
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([key, value]) => !(key === 'storageClass' && value === 'standard'))
      .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
      .map(([key, value]) => [key, Array.isArray(value) ? [...new Set(value.map(String))].sort() : value]),
  );
}

/** YAML and JSON may have a number as a string. */
const number = (value: unknown): unknown =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;

const priorityOf = (rule: unknown): number => (isPlainObject(rule) ? Number(rule['rulePriority']) : 0);

const isPlainObject = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
