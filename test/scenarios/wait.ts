import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks until there is an answer.
 * @param what for the error: what was waited for
 * @param ask gives undefined for "not yet"
 * @param patience seconds
 */
export async function waitFor<T>(what: string, ask: () => Promise<T | undefined>, patience = 60): Promise<T> {
  const deadline = Date.now() + patience * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${patience} s in vain for ${what}`);
    await sleep(250);
  }
}
