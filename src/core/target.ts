import type { z } from 'zod';
import type { targetSchema } from './schemas.ts';

/** What a change or finding is about: kind `Secret`, name `external-secrets/puller`. */
export type Target = z.infer<typeof targetSchema>;

/** How a target is written for people and on the command line: `Secret external-secrets/puller`. */
export const nameOf = (target: Target): string => `${target.kind} ${target.name}`;

/**
 * What happens in the end to each target, by its name. More than one step can change it: an access key that is disabled
 * and then deleted is deleted, and an object that is created and then updated is created.
 */
export function actionsByTarget<Action extends string>(
  changes: Iterable<{ readonly target: Target; readonly action: Action }>,
): ReadonlyMap<string, Action> {
  const actions = new Map<string, Action>();
  for (const { target, action } of changes) {
    const name = nameOf(target);
    if (action === 'delete' || !actions.has(name)) actions.set(name, action);
  }
  return actions;
}
