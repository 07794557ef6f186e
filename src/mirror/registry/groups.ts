import { setTimeout } from 'node:timers/promises';

/** Results that arrived together. */
export interface Group<T> {
  readonly members: readonly T[];
  /** No further group follows. */
  readonly isLast: boolean;
}

/**
 * Yields results in groups, as they arrive: everything that arrives within a time after the first of a group, and the
 * last group as soon as it is complete. So one late result does not delay the others, and results that arrive at almost
 * the same time stay together. Throws the first error.
 */
export function inGroups<T>(
  work: readonly Promise<T>[],
  waitMs: number,
): AsyncGenerator<Group<T>, void, undefined> {
  const arrived: T[] = [];
  let wake: () => void = () => undefined;
  const all = Promise.all(
    work.map(async (one) => {
      arrived.push(await one);
      wake();
    }),
  );
  // It is reported to the reader, who may not be waiting yet.
  all.catch(() => undefined);
  return (async function* () {
    for (let missing = work.length; missing > 0;) {
      const first = new Promise<void>((resolve) => (wake = resolve));
      if (arrived.length === 0) await Promise.race([all, first]);
      await Promise.race([all, setTimeout(waitMs, undefined, { ref: false })]);
      const members = arrived.splice(0);
      missing -= members.length;
      yield { members, isLast: missing === 0 };
    }
  })();
}
