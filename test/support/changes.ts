import type { World } from '../../sandbox/world.ts';

/** The requests that were to change something. Reviews are posted, and change nothing. */
export const changesAsked = ({ faults }: World) =>
  faults.calls.filter(({ writes, operation }) => writes && !/review/i.test(operation));
