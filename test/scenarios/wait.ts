import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Polls until there is a result.
 * @param what names the awaited event in the error
 * @param ask returns undefined for "not yet"
 * @param timeoutSeconds throws after this time
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  timeoutSeconds = 60,
): Promise<T> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutSeconds} s for ${what}`);
    await sleep(250);
  }
}
