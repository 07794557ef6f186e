/**
 * Runs `work` so that Ctrl-C and SIGTERM end it by way of its signal: what it started is stopped and removed on its way
 * out. A second one ends the process at once.
 * @returns what `work` does, or undefined when it was interrupted
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Error('interrupted'));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.once(name, interrupt);
  try {
    return await work(controller.signal);
  } catch (error) {
    // The terminal sends Ctrl-C to the registries too, so that work may fail in other ways than by the signal.
    if (controller.signal.aborted) return undefined;
    throw error;
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}
