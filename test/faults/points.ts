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

interface Numbered {
  readonly call: Call;
  /** The number among all writing requests of the run, counted from 1. */
  readonly at: number;
}

/** The writing requests of a run. */
export const writesOf = (calls: readonly Call[]): Numbered[] =>
  calls.filter((call) => call.writes).map((call, index) => ({ call, at: index + 1 }));

/** The first and the last request of each stretch of equal operations. Between them, little depends on the moment. */
export const endsOfStretches = (writes: readonly Numbered[]): Numbered[] =>
  writes.filter(({ call }, index) =>
    [writes[index - 1], writes[index + 1]].some(
      (near) => near?.call.operation !== call.operation || near.call.service !== call.service,
    ),
  );

export const describeCall = ({ service, operation, resource = '' }: Call): string =>
  `${service} ${operation} ${resource}`.trim();
