import type { Call } from '../../sandbox/faults.ts';
import type { World } from '../../sandbox/world.ts';

/** A fault at one moment of a run. */
export interface Point {
  readonly name: string;
  /**
   * Set when a run is likely to survive the fault. The same run can then have others of this kind at other
   * operations.
   */
  readonly together?: { readonly kind: string; readonly operation: string };
  /** Milliseconds that the program waits for a response; the real timeout if undefined. */
  readonly requestTimeoutMs?: number;
  /**
   * Prepares the fault before the run. @returns a function that removes it and returns the number of the call at
   * which it occurred, or 0
   */
  arm(world: World): () => number;
  /** The equivalent point in a run with these calls, or undefined. */
  in?(calls: readonly Call[]): Point | undefined;
}

/** Finds the points of a run to try, from the requests of an undisturbed run. */
export type Points = (calls: readonly Call[]) => Point[];

export const describeCall = ({ service, operation, resource = '' }: Call): string =>
  `${service} ${operation} ${resource}`.trim();
