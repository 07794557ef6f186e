import { isOutsideOwnPolicies } from '../../clients/aws/denial.ts';
import type { Tags } from '../../clients/aws/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { inOrder } from '../../core/members.ts';
import { nameOf } from '../../core/target.ts';
import { waitFor } from '../../core/wait.ts';
import type { Outcome } from '../../core/step.ts';
import type { IamRun } from '../context.ts';
import { compareDocuments } from '../policies/compare.ts';
import { adoptedTags, adoptedUserTags, compareTags, ownershipOf } from '../tags.ts';
import { diffUser } from './diff.ts';
import type { ObservedUser, UserChange, UserState } from './state.ts';

/** How long IAM may take to show a new resource. */
const visibilityTimeoutMs = 180_000;

/** An attached policy takes this long to take effect everywhere. The policy that it replaces is changed only then. */
const spreadMs = 15_000;

/** Applies the changes of {@link diffUser} in the plan's order: user, policy, attachment. */
export async function applyUser(
  changes: readonly UserChange[],
  state: UserState,
  run: IamRun,
): Promise<Outcome[]> {
  let hasGranted = false;
  const outcomes = await inOrder(changes, run, async (change) => {
    const isAttachment = change.payload.on === 'attachment';
    if (hasGranted && (isAttachment ? change.action === 'delete' : change.action === 'update')) {
      await run.ctx.clock.sleep(spreadMs, run.signal);
      hasGranted = false;
    }
    await applyOne(change, state, run);
    if (isAttachment && change.action === 'create') hasGranted = true;
  });
  return outcomes.map(leftToAdministrator);
}

/** A change that is denied because only an administrator may make it does not stop the remaining changes. */
function leftToAdministrator(outcome: Outcome): Outcome {
  if (outcome.result !== 'failed' || outcome.error.code !== 'aws-denied') return outcome;
  const { error, change } = outcome;
  if (change.fix === undefined) return outcome;
  if (isOutsideOwnPolicies(error.why)) return { ...outcome, tolerable: true };
  const { code, what, why } = error;
  const denied = new BootstrapError({ code, what, why, hint: change.fix }, { cause: error.cause });
  return { ...outcome, error: denied, tolerable: true };
}

async function applyOne(change: UserChange, state: UserState, run: IamRun): Promise<void> {
  const { payload } = change;
  const { iam } = run.ctx.aws;
  const { name } = state.wanted;
  switch (payload.on) {
    case 'user':
      return payload.untag ? iam.untagUser(name, payload.untag) : applyToUser(change, state, run);
    case 'policy':
      return payload.untag
        ? iam.untagPolicy(state.wanted.policy.arn, payload.untag)
        : applyToPolicy(change, state, run);
    case 'accessKey':
      return iam.deleteAccessKey(name, payload.id);
    case 'attachment':
      return change.action === 'delete'
        ? iam.detachPolicy(name, payload.policyArn)
        : iam.attachPolicy(name, payload.policyArn);
  }
}

async function applyToUser(change: UserChange, state: UserState, run: IamRun): Promise<void> {
  const { wanted, observed } = state;
  const { iam } = run.ctx.aws;
  const { name, path, permissionsBoundary, tags } = wanted;
  if (change.action === 'delete') return iam.deleteUser(name);
  if (change.action === 'create') {
    const boundary = permissionsBoundary ? { permissionsBoundary } : {};
    const creation = await iam.createUser({ name, path, tags, ...boundary });
    const user = await untilVisible(change, run, () => iam.user(name));
    return creation === 'exists'
      ? useExisting(change, user.tags, withFound(state, { user }), run)
      : undefined;
  }
  if (compareTags(tags, observed?.user?.tags ?? {}).length > 0) {
    await iam.tagUser(name, change.adopts ? adoptedUserTags(tags, await iam.accessKeys(name)) : tags);
  }
  if (permissionsBoundary && permissionsBoundary !== observed?.user?.permissionsBoundary) {
    await iam.setPermissionsBoundary(name, permissionsBoundary);
  }
}

async function applyToPolicy(change: UserChange, state: UserState, run: IamRun): Promise<void> {
  const { wanted, observed } = state;
  const { iam } = run.ctx.aws;
  const { path, tags, policy } = wanted;
  const { name, arn, document } = policy;
  if (change.action === 'delete') return iam.deletePolicy(arn);
  if (change.action === 'create') {
    const description = `Permissions of ${wanted.name}, managed by ecr-bootstrap`;
    const creation = await iam.createPolicy({ name, path, description, document, tags });
    const found = await untilVisible(change, run, () => iam.policy(arn));
    return creation === 'exists'
      ? useExisting(change, found.tags, withFound(state, { policy: found }), run)
      : undefined;
  }
  if (compareDocuments(document, observed?.policy?.document).length > 0) {
    await iam.updatePolicy(arn, document);
  }
  if (compareTags(tags, observed?.policy?.tags ?? {}).length > 0) {
    await iam.tagPolicy(arn, change.adopts ? adoptedTags(tags) : tags);
  }
}

const withFound = (state: UserState, found: Partial<ObservedUser>): UserState => ({
  ...state,
  observed: state.observed && { ...state.observed, ...found },
});

/** Handles a user or policy that was created since the plan as if the plan had already found it. */
async function useExisting(change: UserChange, tags: Tags, again: UserState, run: IamRun): Promise<void> {
  if (ownershipOf(tags, again.wanted.tags) !== 'managed') {
    throw new BootstrapError({
      code: 'unmanaged',
      what: `could not create ${nameOf(change.target)}`,
      why: 'it already exists and is not managed by ecr-bootstrap',
      hint: 'Run the same command again; its plan shows the owner and what you can do.',
    });
  }
  const left = diffUser(again).changes.find(({ payload }) => payload.on === change.payload.on);
  if (left) await applyOne(left, again, run);
}

/** IAM's reads may lag behind its writes. */
function untilVisible<T>(
  { target }: UserChange,
  run: IamRun,
  look: () => Promise<T | undefined>,
): Promise<T> {
  return waitFor(
    run,
    {
      what: `${nameOf(target)} to be visible`,
      deadlineMs: visibilityTimeoutMs,
      hint: 'Run the same command again; it resumes where it stopped. If it fails again, check that the path in IAM is the configured one.',
    },
    look,
  );
}
