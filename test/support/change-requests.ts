import type { World } from '../../sandbox/world.ts';

/** The requests that are meant to change something. Reviews are POST requests that change nothing. */
export const changeRequests = ({ faults }: World) =>
  faults.calls.filter(({ writes, operation }) => writes && !/review/i.test(operation));
