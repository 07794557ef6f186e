import type { Change } from '../core/step.ts';

/** What a change did: `2 created`. */
export const pastOf = {
  create: 'created',
  update: 'updated',
  replace: 'replaced',
  delete: 'deleted',
} as const satisfies Record<Change['action'], string>;

/** In the order in which screens count them. */
export const actions = Object.keys(pastOf) as Change['action'][];
