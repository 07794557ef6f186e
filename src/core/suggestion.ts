import { closest, distance } from 'fastest-levenshtein';

/** The known word that the user probably meant. Undefined when none is close. */
export function closestWord(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const near = closest(word, known);
  return distance(word, near) <= Math.max(2, Math.floor(word.length / 2)) ? near : undefined;
}
