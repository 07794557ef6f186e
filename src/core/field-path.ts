/**
 * A path to fields of an object: the part of JSONPath that only selects. It has no filters and no scripts, because the
 * objects belong to others.
 */
export type FieldPath = readonly (string | number | typeof every)[];

const every = Symbol('every element');

/** `.name`, `['any name']`, `[0]`, and `[*]` or `.*` for every element. */
const segment = /\.(?<name>[a-zA-Z_][\w-]*)|\['(?<quoted>[^'\p{Cc}]+)'\]|\[(?<index>\d{1,9})\]|\[\*\]|\.\*/uy;

/** @param text as kubectl accepts it, for example `.spec.containers[*].image`. Undefined for anything else. */
export function parseFieldPath(text: string): FieldPath | undefined {
  const path = text.replace(/^\{(.*)\}$/su, '$1').replace(/^\$/, '');
  const found: (string | number | typeof every)[] = [];
  segment.lastIndex = 0;
  let end = 0;
  for (let match = segment.exec(path); match; match = segment.exec(path)) {
    const { name, quoted, index } = match.groups ?? {};
    found.push(name ?? quoted ?? (index === undefined ? every : Number(index)));
    end = segment.lastIndex;
  }
  return end === path.length && found.length > 0 ? found : undefined;
}

/** The values at a path. A field that does not exist has none. */
export function valuesAt(path: FieldPath, object: unknown): readonly unknown[] {
  return path.reduce<readonly unknown[]>(
    (values, step) => values.flatMap((value) => at(step, value)),
    [object],
  );
}

function at(step: FieldPath[number], value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (step === every) return Object.values(value);
  const isOfList = typeof step === 'number';
  return isOfList === Array.isArray(value) && Object.hasOwn(value, step)
    ? [(value as Record<string | number, unknown>)[step]]
    : [];
}
