/**
 * Waits until all have ended, then gives their results or throws the first error in their order. For writes: with
 * `Promise.all`, the others would still be under way while the error is shown and the run ends.
 */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
