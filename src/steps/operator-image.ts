import type { Presence } from '../mirror/presence.ts';
import type { Outcome } from '../core/step.ts';
import type { Step } from './context.ts';
import { MissingRepositories } from '../mirror/repositories/create.ts';
import { copiesOf, copy, observePresence } from '../mirror/copies.ts';

/** Copies the operator's image first: nothing renews tokens before the operator runs. */
export const operatorImage: Step<readonly Presence[]> = {
  id: 'operator-image',
  title: 'image of External Secrets Operator',
  needs: ['aws', 'sources'],
  // Throws, because the later steps need this image.
  observe: async (ctx) => {
    const presence = await observePresence([(await ctx.wantedImages()).operator], ctx);
    for (const { error } of presence) if (error) throw error;
    return presence;
  },
  diff: (presence) => ({ changes: copiesOf(presence), findings: [] }),
  apply: async (changes, presence, run) => {
    const copied = await copy(changes, presence, run, new MissingRepositories(run).prepare);
    return copied.map(({ change, result }): Outcome =>
      result.error ? { change, result: 'failed', error: result.error } : { change, result: 'done' },
    );
  },
};
