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

/**
 * Starts to measure a duration; the returned function gives the milliseconds passed so far. The wall clock can be set
 * back, and the monotonic clock stands still while a computer sleeps, so the larger of the two counts.
 */
export function stopwatch(clock: Pick<Clock, 'now'>): () => number {
  let before = 0;
  let [wallStart, steadyStart] = [clock.now(), performance.now()];
  let lastWall = wallStart;
  const passed = (wall: number, steady: number): number =>
    Math.max(wall - wallStart, Math.floor(steady - steadyStart));
  return () => {
    const [wall, steady] = [clock.now(), performance.now()];
    if (wall < lastWall) {
      // Set back: what passed until then is kept, and both clocks start again from here.
      before += passed(lastWall, steady);
      [wallStart, steadyStart] = [wall, steady];
    }
    lastWall = wall;
    return before + passed(wall, steady);
  };
}

/**
 * The time by a clock that is never set back: what waits for a moment must not wait for an hour more because the wall clock
 * was corrected.
 */
export function forwardTime(clock: Pick<Clock, 'now'>): () => number {
  let last = -Infinity;
  let ahead = 0;
  return () => {
    const now = clock.now();
    if (now + ahead < last) ahead = last - now;
    return (last = now + ahead);
  };
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
