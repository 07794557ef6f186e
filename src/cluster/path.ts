/** A key of a map, an index of a list, or an entry of a list that is merged by key: `containers[name=web]`. */
export type Segment = string | number;

/** `spec.containers[name=web].image`, `rules[0].verbs`, `metadata.labels["a.b/c"]`. */
export function pathText(path: readonly Segment[]): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      if (/^[\w-]+(\[.*\])?$/.test(segment)) return index === 0 ? segment : `.${segment}`;
      return `["${segment}"]`;
    })
    .join('');
}

/** The segment of an entry of a list that is merged by key. */
export const entrySegment = (list: Segment | undefined, key: string): string => `${String(list)}[${key}]`;
