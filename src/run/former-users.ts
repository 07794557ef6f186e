import type { Diff, Outcome } from '../core/step.ts';
import { nameOf } from '../core/members.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { asConfiguredFor, type FormerUser, observeFormerUsers } from '../access-key/former-users.ts';
import { imagePullerKey } from '../steps/image-puller-key.ts';
import { imagePuller, powerUser } from '../steps/users.ts';

/** One step, with the settings of an earlier user. */
interface Part {
  readonly step: AnyStep;
  readonly ctx: Context;
  readonly state: unknown;
  readonly diff: Diff;
}

/** The users of earlier names, with their keys, policies and secrets: the same steps with those names. */
export const formerUsers: AnyStep = {
  id: 'former-users',
  title: 'users and secrets of earlier settings',
  needs: ['aws'],
  observe: async (ctx) => {
    const { users } = await observeFormerUsers(ctx);
    return (await Promise.all(users.map((one) => partsOf(one, ctx)))).flat();
  },
  diff: (parts: readonly Part[]) => ({
    changes: parts.flatMap(({ diff }) => diff.changes),
    findings: parts.flatMap(({ diff }) => diff.findings),
  }),
  apply: async (changes, parts: readonly Part[], run) => {
    const planned = new Set(changes.map(({ target }) => nameOf(target)));
    const outcomes: Outcome[] = [];
    for (const { step, ctx, state, diff } of parts) {
      const own = diff.changes.filter(({ target }) => planned.has(nameOf(target)));
      outcomes.push(...(await step.apply(own, state, { ...run, ctx })));
    }
    return outcomes;
  },
};

function partsOf(former: FormerUser, current: Context): Promise<Part[]> {
  const ctx = asConfiguredFor(former, current);
  const steps: readonly AnyStep[] =
    former.who === 'imagePuller' ? [imagePullerKey, imagePuller] : [powerUser];
  return Promise.all(
    steps.map(async (step): Promise<Part> => {
      const state: unknown = await step.observe(ctx);
      return { step, ctx, state, diff: (await step.remove?.(state, ctx)) ?? { changes: [], findings: [] } };
    }),
  );
}
