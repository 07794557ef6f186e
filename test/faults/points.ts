import type { Call } from '../../sandbox/faults.ts';
import type { World } from '../../sandbox/world.ts';

/** Something that goes wrong at one moment of a run. */
export interface Point {
  readonly name: string;
  /** A run is likely to ride it out, and then, in the same run, others of this kind at other operations. */
  readonly together?: { readonly kind: string; readonly operation: string };
  /** Milliseconds that the product waits for an answer; without it as long as in earnest. */
  readonly patience?: number;
  /** Gets it ready, before the run; the result takes it away again and tells at which of the world's calls it happened, 0 for none. */
  arm(world: World): () => number;
  /** The same in a run that made these calls; undefined when it has no such point. */
  in?(calls: readonly Call[]): Point | undefined;
}

/** The points of a run that are worth trying, from the requests that a run without trouble made. */
export type Points = (calls: readonly Call[]) => Point[];

export const describeCall = ({ service, operation, resource = '' }: Call): string =>
  `${service} ${operation} ${resource}`.trim();
