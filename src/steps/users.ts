import { unmanagedKeys, unknownKeys } from '../access-key/classify.ts';
import { formerFindings, type FormerUsers, observeFormerUsers } from '../access-key/former-users.ts';
import { observeKey } from '../access-key/state.ts';
import { kmsKeysInUse } from '../access-key/stored.ts';
import { applyUser } from '../iam/users/apply.ts';
import { diffUser, previewPolicy } from '../iam/users/diff.ts';
import { removeUser } from '../iam/users/remove.ts';
import {
  documentOf,
  observeUser,
  type UserChange,
  type UserRole,
  type UserState,
} from '../iam/users/state.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Context, Step } from './context.ts';

interface UserStepState extends UserState {
  readonly former: FormerUsers;
}

/** The user for people who mirror images later. They create its access key themselves, so that only they see it. */
export const powerUser: Step<UserStepState, UserChange> = {
  ...userStep('powerUser', 'IAM user for mirroring images', () => Promise.resolve([])),
  nextSteps: missingAccessKey,
};

/** The user whose key lives in the cluster. */
export const imagePuller = userStep('imagePuller', 'IAM user for pulling images', async (ctx) => {
  const state = await observeKey(ctx);
  return [...unmanagedKeys(state), ...unknownKeys(state)].map(({ id }) => id);
});

/**
 * Manages one of the two IAM users with its policy. The users differ in the policy and in whether their keys
 * are managed.
 */
function userStep(
  who: UserRole,
  title: string,
  unmanagedKeys: (ctx: Context) => Promise<readonly string[]>,
): Step<UserStepState, UserChange> {
  return {
    id: documentOf[who],
    title,
    group: 'aws',
    topic: 'users',
    needs: ['aws'],
    readsLag: true,
    observe: async (ctx) => {
      const [user, former] = await Promise.all([
        observeUser(who, ctx, () => kmsKeysInUse(ctx)),
        observeFormerUsers(ctx),
      ]);
      return { ...user, former };
    },
    diff: (state) => {
      const { changes, findings } = diffUser(state);
      return { changes, findings: [...findings, ...formerFindings(who, state.former)] };
    },
    preview: previewPolicy,
    apply: applyUser,
    summary: ({ wanted }) => ({ text: wanted.name }),
    removesFromAws: ['identities'],
    remove: (state, ctx) => removeUser(state, ctx, () => unmanagedKeys(ctx)),
  };
}

/** `up` creates no access key for the user that pushes: only the person who uses the key should see it. */
async function missingAccessKey({ aws, config }: Context): Promise<string[]> {
  const { name, manage } = config.users.powerUser;
  if (!manage) return [];
  try {
    if ((await aws.iam.accessKeys(name)).length > 0) return [];
  } catch (error) {
    // Credentials that may not list access keys cannot create one either.
    if (error instanceof BootstrapError && error.code === 'aws-denied') return [];
    throw error;
  }
  return [`${name} has no access key; to push as that user: aws iam create-access-key --user-name ${name}`];
}
