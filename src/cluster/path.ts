export type JsonMap = Record<string, unknown>;

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An entry of a list that is merged by key. */
export interface Entry {
  readonly list: string;
  /** For example `name=web`. */
  readonly key: string;
  readonly isMatch: (item: unknown) => boolean;
}

/** A key of a map, an index of a list, or an entry: `containers[name=web]`. */
export type Segment = string | number | Entry;

/** `spec.containers[name=web].image`, `rules[0].verbs`, `metadata.labels["a.b/c"]`. */
export function pathText(path: readonly Segment[]): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      const dot = index === 0 ? '' : '.';
      if (typeof segment === 'object') return `${dot}${segment.list}[${segment.key}]`;
      return /^[\w-]+$/.test(segment) ? dot + segment : `["${segment}"]`;
    })
    .join('');
}

/** The path of an entry of the list at `path`. */
export const entryPath = (path: readonly Segment[], key: string, isMatch: Entry['isMatch']): Segment[] => [
  ...path.slice(0, -1),
  { list: lastName(path) ?? '', key, isMatch },
];

/** The name of the last field of a path. */
export const lastName = (path: readonly Segment[]): string | undefined => {
  const last = path.at(-1);
  return typeof last === 'object' ? undefined : last?.toString();
};
