import type { Change, ChangeWith, Diff, Outcome, RemovalScope } from '../core/step.ts';
import type { AnyStep, Context, Step } from '../steps/context.ts';
import { asConfiguredFor, type FormerUser, observeFormerUsers } from '../access-key/former-users.ts';
import { imagePullerKey } from '../steps/image-puller-key.ts';
import { imagePuller, powerUser } from '../steps/users.ts';

/** One step, with the settings of an earlier user. */
interface FormerUserStep {
  readonly step: AnyStep;
  readonly ctx: Context;
  readonly state: unknown;
  readonly diff: Diff;
}

type FormerUserChange = ChangeWith<{ readonly of: FormerUserStep }>;

/**
 * Removes users with earlier names, and their keys, policies and secrets, with the same steps and the earlier
 * names.
 */
export function formerUsers(scope: RemovalScope): Step<readonly FormerUserStep[], FormerUserChange> {
  return {
    id: 'former-users',
    title: 'users and secrets of earlier settings',
    group: 'aws',
    topic: 'users',
    needs: ['aws'],
    observe: async (ctx) => {
      const { users } = await observeFormerUsers(ctx);
      return (await Promise.all(users.map((one) => stepsOf(one, ctx, scope)))).flat();
    },
    diff: (all) => {
      const chosen = all.filter(({ step }) => isInScope(step, scope));
      return {
        changes: chosen.flatMap((of) => of.diff.changes.map((change) => withStep(change, of))),
        findings: chosen.flatMap(({ diff }) => diff.findings),
      };
    },
    apply: async (changes, all, run) => {
      const outcomes: Outcome[] = [];
      for (const one of all) {
        const { step, ctx, state } = one;
        const own = changes.filter(({ payload }) => payload.of === one);
        outcomes.push(...(await step.apply(own, state, { ...run, ctx })));
      }
      return outcomes;
    },
  };
}

/** Whether `down` runs the step: it changes the cluster, or deletes resources in AWS that the scope includes. */
export const isInScope = ({ removesFromAws }: AnyStep, scope: RemovalScope): boolean =>
  removesFromAws?.some((resources) => scope[resources]) ?? true;

/** The change of another step, with that step and its payload as the payload. */
const withStep = (change: Change, of: FormerUserStep): FormerUserChange => ({
  ...change,
  payload: { ...('payload' in change ? (change.payload as object) : {}), of },
});

function stepsOf(former: FormerUser, current: Context, scope: RemovalScope): Promise<FormerUserStep[]> {
  const ctx = asConfiguredFor(former, current);
  const steps: readonly AnyStep[] =
    former.who === 'imagePuller' ? [imagePullerKey, imagePuller] : [powerUser];
  return Promise.all(
    steps.map(async (step): Promise<FormerUserStep> => {
      const state: unknown = await step.observe(ctx);
      const diff = (await step.remove?.(state, ctx, scope)) ?? { changes: [], findings: [] };
      return { step, ctx, state, diff };
    }),
  );
}
