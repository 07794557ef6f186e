import { inOrder, nameOf, waitFor, type Change, type Outcome } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { compareTags } from '../tags.ts';
import type { UserState, WantedUser } from './state.ts';
import { attachmentTarget } from './targets.ts';

/** Milliseconds in which what IAM has just made becomes visible to the next request. */
const visibleWithin = 60_000;

/** Carries changes of {@link diffUser} out, in the plan's order: user, policy, what attaches it. */
export function applyUser(changes: readonly Change[], state: UserState, run: Run): Promise<Outcome[]> {
  return inOrder(changes, run, async (change) => {
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
  });
}

async function applyToUser(change: Change, { wanted, seen }: UserState, run: Run): Promise<void> {
  const { iam } = run.ctx.aws;
  const { name, path, permissionsBoundary, tags } = wanted;
  if (change.action === 'delete') return iam.deleteUser(name);
  if (change.action === 'create') {
    await iam.createUser({ name, path, tags, ...(permissionsBoundary ? { permissionsBoundary } : {}) });
    return untilVisible(change, run, () => iam.user(name));
  }
  if (compareTags(tags, seen?.user?.tags ?? {}).length > 0) await iam.tagUser(name, tags);
  if (permissionsBoundary && permissionsBoundary !== seen?.user?.permissionsBoundary) {
    await iam.setPermissionsBoundary(name, permissionsBoundary);
  }
}

async function applyToPolicy(change: Change, { wanted, seen }: UserState, run: Run): Promise<void> {
  const { iam } = run.ctx.aws;
  const { path, tags, policy } = wanted;
  const { name, arn, document } = policy;
  if (change.action === 'delete') return iam.deletePolicy(arn);
  if (change.action === 'create') {
    const description = `Rights of ${wanted.name}, kept by ecr-bootstrap`;
    await iam.createPolicy({ name, path, description, document, tags });
    return untilVisible(change, run, () => iam.policy(arn));
  }
  if (change.fields.some((field) => field.path.startsWith('document'))) await iam.updatePolicy(arn, document);
  if (compareTags(tags, seen?.policy?.tags ?? {}).length > 0) await iam.tagPolicy(arn, tags);
}

async function applyToAttachment(change: Change, wanted: WantedUser, run: Run): Promise<void> {
  const { iam } = run.ctx.aws;
  const arn = [...wanted.attached, wanted.policy.arn].find(
    (candidate) => nameOf(attachmentTarget(wanted.name, candidate)) === nameOf(change.target),
  );
  if (!arn) throw new Error(`${nameOf(change.target)} is none of this step's policies`);
  if (change.action === 'delete') await iam.detachPolicy(wanted.name, arn);
  else await iam.attachPolicy(wanted.name, arn);
}

/** IAM's reads may lag behind its writes. */
async function untilVisible(change: Change, run: Run, look: () => Promise<unknown>): Promise<void> {
  await waitFor(
    {
      what: `${nameOf(change.target)} to be visible`,
      clock: run.ctx.clock,
      signal: run.signal,
      emit: run.emit,
      deadline: visibleWithin,
      hint: 'IAM is slow at the moment. Run the same command again: it goes on.',
    },
    look,
  );
}
