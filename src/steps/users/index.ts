import type { Step } from '../context.ts';
import { applyUser } from './apply.ts';
import { diffUser } from './diff.ts';
import { removeUser } from './remove.ts';
import { documentOf, observeUser, type UserState, type Who } from './state.ts';

export type { UserState } from './state.ts';

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
