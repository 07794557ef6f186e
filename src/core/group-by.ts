/** Items with equal keys together. Keys and items keep the order in which they first occur. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** How often each text occurs, the most frequent one first. */
export function tally(texts: Iterable<string>): [string, number][] {
  return [...groupBy(texts, (text) => text)]
    .map(([text, { length }]): [string, number] => [text, length])
    .sort(([, one], [, other]) => other - one);
}
