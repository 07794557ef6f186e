import type { Change } from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import { classify, retiredAt } from '../steps/image-puller-key/classify.ts';
import { observeKey } from '../steps/image-puller-key/state.ts';
import { describeStored } from '../steps/image-puller-key/stored.ts';
import { forcedRotationSteps, rotationSteps } from '../steps/rotation/index.ts';
import { retiredKeys } from '../steps/rotation/state.ts';
import { clusterId } from '../steps/registration/cluster-id.ts';
import { describeRecord, recordsIn } from '../steps/registration/records.ts';
import { applyQuestion } from './confirm.ts';
import { doJob } from './job.ts';
import type { Session } from './session.ts';

export interface RotateOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** Replaces the image puller's access key, or with `force` revokes it first. Resolves to the exit code. */
export function rotate(session: Session, { dryRun, force, yes }: RotateOptions): Promise<number> {
  return doJob(session, {
    steps: force ? forcedRotationSteps() : rotationSteps(),
    dryRun,
    usesKey: true,
    question: yes ? undefined : applyQuestion,
    next: (ctx, changes) => (force ? [clustersCutOff(ctx)] : whatFollows(ctx, changes)),
  });
}

/** What happens to the other clusters and to the old key after this run. */
function whatFollows(ctx: Context, changes: readonly Change[]): readonly Promise<string[]>[] {
  const { project, pullSecret } = ctx.config;
  const made = changes.some(({ action, target }) => action === 'create' && target.kind === 'IAM access key');
  const sharing = `Other clusters that share project ${project} read the new key by themselves within ${pullSecret.renewEvery}; ecr-bootstrap up there proves it.`;
  return [Promise.resolve(made ? [sharing] : []), keptKeys(ctx)];
}

/** Other clusters hold the old key, which works no more. */
async function clustersCutOff(ctx: Context): Promise<string[]> {
  const [here, stored] = await Promise.all([clusterId(ctx.cluster), describeStored(ctx)]);
  const others = recordsIn(stored.id?.tags).filter(({ id }) => id !== here);
  return others.map(
    (other) => `Run ecr-bootstrap up for cluster ${describeRecord(other)}: it cannot pull until then.`,
  );
}

async function keptKeys(ctx: Context): Promise<string[]> {
  const state = await observeKey(ctx);
  const { pair } = classify(state);
  return retiredKeys(state).map((key) => {
    const at = new Date(retiredAt(key, state, pair)).toISOString();
    return `Access key ${key.id} is disabled; the first ecr-bootstrap up or rotate after ${at} deletes it.`;
  });
}
