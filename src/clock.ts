import { setTimeout as delay } from 'node:timers/promises';

/** The time, and waiting. Everything that looks at the time does it through this, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after that many milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls `act` at intervals until the returned function is called. Clocks that jump call it during a jump. */
  every?(milliseconds: number, act: () => void): () => void;
}

/** The same for any clock: in real time, unless the clock has a way of its own. */
export function every(clock: Clock, milliseconds: number, act: () => void): () => void {
  if (clock.every) return clock.every(milliseconds, act);
  const timer = setInterval(act, milliseconds).unref();
  return () => clearInterval(timer);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, signal ? { signal } : {});
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
