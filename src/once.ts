/** Calls `make` when first asked and gives everybody that one answer; a promise that fails is remembered too. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
