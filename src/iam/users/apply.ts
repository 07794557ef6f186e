import { isOutsideOwnPolicies } from '../../clients/aws/denial.ts';
import { BootstrapError } from '../../core/errors.ts';
import { inOrder, nameOf } from '../../core/members.ts';
import { waitFor } from '../../core/wait.ts';
import type { Change, Outcome } from '../../core/step.ts';
import type { IamRun } from '../context.ts';
import { adoptedTags, adoptedUserTags, compareTags, isRelease, markKeysIn } from '../tags.ts';
import { diffUser } from './diff.ts';
import type { ObservedUser, UserState, WantedUser } from './state.ts';
import { attachmentTarget } from './targets.ts';

/** Milliseconds within which IAM shows what it has just created. */
const visibilityTimeoutMs = 180_000;

/** In which a policy that was attached takes effect everywhere, before another change takes its place. */
const spreadMs = 15_000;

/** Carries changes of {@link diffUser} out, in the plan's order: user, policy, what attaches it. */
export async function applyUser(
  changes: readonly Change[],
  state: UserState,
  run: IamRun,
): Promise<Outcome[]> {
  let hasGranted = false;
  const outcomes = await inOrder(changes, run, async (change) => {
    const isAttachment = change.target.kind === attachmentTarget('', '').kind;
    if (hasGranted && (isAttachment ? change.action === 'delete' : change.action === 'update')) {
      await run.ctx.clock.sleep(spreadMs, run.signal);
      hasGranted = false;
    }
    await applyOne(change, state, run);
    if (isAttachment && change.action === 'create') hasGranted = true;
  });
  return outcomes.map(leftToAdministrator);
}

/** What only an administrator may change does not keep other callers from changing the rest. */
function leftToAdministrator(outcome: Outcome): Outcome {
  if (outcome.result !== 'failed' || outcome.error.code !== 'aws-denied') return outcome;
  const { error, change } = outcome;
  if (change.fix === undefined) return outcome;
  if (isOutsideOwnPolicies(error.why)) return { ...outcome, tolerable: true };
  const { code, what, why } = error;
  const denied = new BootstrapError({ code, what, why, hint: change.fix }, { cause: error.cause });
  return { ...outcome, error: denied, tolerable: true };
}

async function applyOne(change: Change, state: UserState, run: IamRun): Promise<void> {
  switch (change.target.kind) {
    case 'IAM user':
      return applyToUser(change, state, run);
    case 'IAM policy':
      return applyToPolicy(change, state, run);
    case 'IAM access key':
      return run.ctx.aws.iam.deleteAccessKey(state.wanted.name, change.target.name);
    default:
      return applyToAttachment(change, state.wanted, run);
  }
}

async function applyToUser(change: Change, state: UserState, run: IamRun): Promise<void> {
  const { wanted, observed } = state;
  const { iam } = run.ctx.aws;
  const { name, path, permissionsBoundary, tags } = wanted;
  if (change.action === 'delete') return iam.deleteUser(name);
  if (isRelease(change)) return iam.untagUser(name, markKeysIn(observed?.user?.tags));
  if (change.action === 'create') {
    const boundary = permissionsBoundary ? { permissionsBoundary } : {};
    const creation = await iam.createUser({ name, path, tags, ...boundary });
    const user = await untilVisible(change, run, () => iam.user(name));
    return creation === 'exists' ? adoptExisting(change, state, { user }, run) : undefined;
  }
  if (compareTags(tags, observed?.user?.tags ?? {}).length > 0) {
    await iam.tagUser(name, change.adopts ? adoptedUserTags(tags, await iam.accessKeys(name)) : tags);
  }
  if (permissionsBoundary && permissionsBoundary !== observed?.user?.permissionsBoundary) {
    await iam.setPermissionsBoundary(name, permissionsBoundary);
  }
}

async function applyToPolicy(change: Change, state: UserState, run: IamRun): Promise<void> {
  const { wanted, observed } = state;
  const { iam } = run.ctx.aws;
  const { path, tags, policy } = wanted;
  const { name, arn, document } = policy;
  if (change.action === 'delete') return iam.deletePolicy(arn);
  if (isRelease(change)) return iam.untagPolicy(arn, markKeysIn(observed?.policy?.tags));
  if (change.action === 'create') {
    const description = `Rights of ${wanted.name}, kept by ecr-bootstrap`;
    const creation = await iam.createPolicy({ name, path, description, document, tags });
    const found = await untilVisible(change, run, () => iam.policy(arn));
    return creation === 'exists' ? adoptExisting(change, state, { policy: found }, run) : undefined;
  }
  if (change.fields.some((field) => field.path.startsWith('document'))) await iam.updatePolicy(arn, document);
  if (compareTags(tags, observed?.policy?.tags ?? {}).length > 0) {
    await iam.tagPolicy(arn, change.adopts ? adoptedTags(tags) : tags);
  }
}

/** With what turned out to be there, as with what was seen when the plan was made. */
async function adoptExisting(
  change: Change,
  state: UserState,
  found: Pick<ObservedUser, 'user'> | Pick<ObservedUser, 'policy'>,
  run: IamRun,
): Promise<void> {
  const again = { ...state, observed: state.observed && { ...state.observed, ...found } };
  const { changes, findings } = diffUser(again);
  const isSame = ({ target }: Pick<Change, 'target'>): boolean => nameOf(target) === nameOf(change.target);
  const left = changes.find(isSame);
  if (left?.adopts || findings.some((finding) => finding.blocking && isSame(finding))) {
    throw new BootstrapError({
      code: 'foreign',
      what: `create ${nameOf(change.target)}`,
      why: 'it was there by then, and is not ours',
      hint: 'Run the same command again: its plan tells whose it is, and what can be done.',
    });
  }
  if (left) await applyOne(left, again, run);
}

async function applyToAttachment(change: Change, wanted: WantedUser, run: IamRun): Promise<void> {
  const { iam } = run.ctx.aws;
  const arn = [wanted.policy.arn, wanted.managedPolicyArn].find(
    (candidate) => nameOf(attachmentTarget(wanted.name, candidate)) === nameOf(change.target),
  );
  if (!arn) throw new Error(`${nameOf(change.target)} is none of this step's policies`);
  if (change.action === 'delete') await iam.detachPolicy(wanted.name, arn);
  else await iam.attachPolicy(wanted.name, arn);
}

/** IAM's reads may lag behind its writes. */
function untilVisible<T>(change: Change, run: IamRun, look: () => Promise<T | undefined>): Promise<T> {
  return waitFor(
    run,
    {
      what: `${nameOf(change.target)} to be visible`,
      deadlineMs: visibilityTimeoutMs,
      hint: 'IAM is slow at the moment, or has it under another path than configured. Run the same command again: it goes on.',
    },
    look,
  );
}
