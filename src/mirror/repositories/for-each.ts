/** Requests at once; ECR throttles bursts of reads of tags. */
const concurrency = 10;

/** Reads something for each repository, with few requests at a time; the results keep the order. */
export async function forEachRepository<T, R>(
  repositories: readonly T[],
  read: (repository: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = repositories.entries();
  const worker = async (): Promise<void> => {
    for (const [index, repository] of queue) results[index] = await read(repository);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, repositories.length) }, worker));
  return results;
}
