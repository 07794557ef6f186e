import type { Presence } from '../mirror/presence.ts';
import type { Step } from './context.ts';
import { withSources } from '../mirror/images.ts';
import { MissingRepositories } from '../mirror/repositories/apply.ts';
import { copiesOf, type CopyChange, copyImages, observePresence, withSizes } from '../mirror/copies.ts';

/** Copies the operator's image first: nothing renews tokens before the operator runs. */
export const operatorImage: Step<readonly Presence[], CopyChange> = {
  id: 'operator-image',
  title: 'image of External Secrets Operator',
  group: 'images',
  needs: ['aws', 'sources'],
  // Throws, because the later steps need this image.
  observe: async (ctx) => {
    const presence = await withSources(
      await observePresence([(await ctx.wantedImages()).operator], ctx),
      ctx,
    );
    for (const { error } of presence) if (error) throw error;
    return presence;
  },
  diff: (presence) => ({ changes: copiesOf(presence), findings: [] }),
  estimate: withSizes,
  apply: (changes, _presence, run) =>
    copyImages(changes, run, { prepare: new MissingRepositories(run).prepare }),
};
