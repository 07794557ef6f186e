/** Calls `read` when first asked and gives everybody that one answer. */
export function memoise<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= read());
}
