import { onAbort } from './abort.ts';

/** The current time and waiting. All code uses this interface, so that tests can advance the time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after that many milliseconds. @throws the signal's reason when it is aborted */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `act` at intervals until the returned function is called. A clock that jumps also calls it during a
   * jump.
   */
  every?(milliseconds: number, act: () => void): () => void;
}

/** {@link Clock.every} for any clock: in real time, unless the clock implements it. */
export function every(clock: Clock, milliseconds: number, act: () => void): () => void {
  if (clock.every) return clock.every(milliseconds, act);
  const timer = setInterval(act, milliseconds).unref();
  return () => clearInterval(timer);
}

/**
 * Starts to measure a duration. The returned function returns the milliseconds passed so far. The wall clock
 * can be set back, and the monotonic clock stops while a computer sleeps, so the larger of the two counts.
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
      // The wall clock was set back: keep the time that has passed, and start both clocks again.
      before += passed(lastWall, steady);
      [wallStart, steadyStart] = [wall, steady];
    }
    lastWall = wall;
    return before + passed(wall, steady);
  };
}

/**
 * A clock that never goes back, so that a wait does not last an hour longer because the wall clock was corrected.
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
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(() => {
        removeListener?.();
        resolve();
      }, milliseconds);
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const removeListener = signal && onAbort(signal, stop);
    }),
};
