import type { Step } from './context.ts';
import { applyUser } from '../iam/users/apply.ts';
import { diffUser } from '../iam/users/diff.ts';
import { removeUser } from '../iam/users/remove.ts';
import { documentOf, observeUser, type UserState, type Who } from '../iam/users/state.ts';

export type { UserState } from '../iam/users/state.ts';

/** The step that keeps one of the two IAM users with its policy. They differ only in the policy. */
export function userStep(who: Who, title: string): Step<UserState> {
  return {
    id: documentOf[who],
    title,
    needs: ['aws'],
    readsLag: true,
    observe: (ctx) => observeUser(who, ctx),
    diff: diffUser,
    apply: applyUser,
    remove: removeUser,
  };
}
