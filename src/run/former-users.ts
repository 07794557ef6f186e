import type { Change, ChangeWith, Diff, Outcome } from '../core/step.ts';
import type { AnyStep, Context, Step } from '../steps/context.ts';
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
export const formerUsers: Step<readonly Part[], ChangeWith<{ readonly part: Part }>> = {
  id: 'former-users',
  title: 'users and secrets of earlier settings',
  needs: ['aws'],
  observe: async (ctx) => {
    const { users } = await observeFormerUsers(ctx);
    return (await Promise.all(users.map((one) => partsOf(one, ctx)))).flat();
  },
  diff: (parts) => ({
    changes: parts.flatMap((part) => part.diff.changes.map((change) => withPart(change, part))),
    findings: parts.flatMap(({ diff }) => diff.findings),
  }),
  apply: async (changes, parts, run) => {
    const outcomes: Outcome[] = [];
    for (const part of parts) {
      const { step, ctx, state } = part;
      const own = changes.filter(({ payload }) => payload.part === part);
      outcomes.push(...(await step.apply(own, state, { ...run, ctx })));
    }
    return outcomes;
  },
};

/** The change of a part's step, whose payload it keeps. */
const withPart = (change: Change, part: Part): ChangeWith<{ readonly part: Part }> => ({
  ...change,
  payload: { ...('payload' in change ? (change.payload as object) : {}), part },
});

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
