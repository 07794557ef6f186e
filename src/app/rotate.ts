import type { Change } from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import { classify, retiredAt } from '../steps/image-puller-key/classify.ts';
import { observeKey } from '../steps/image-puller-key/state.ts';
import { rotationSteps } from '../steps/rotation/index.ts';
import { retiredKeys } from '../steps/rotation/state.ts';
import { applyQuestion } from './confirm.ts';
import { doJob } from './job.ts';
import type { Session } from './session.ts';

export interface RotateOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** Replaces the image puller's access key without a failing pull. Resolves to the exit code. */
export function rotate(session: Session, { dryRun, force, yes }: RotateOptions): Promise<number> {
  return doJob(session, {
    steps: rotationSteps(force === true),
    dryRun,
    question: yes ? undefined : applyQuestion,
    next: whatFollows,
  });
}

/** What happens to the other clusters and to the old key after this run. */
async function whatFollows(ctx: Context, changes: readonly Change[]): Promise<string[]> {
  const { project, pullSecret } = ctx.config;
  const made = changes.some(({ action, target }) => action === 'create' && target.kind === 'IAM access key');
  const sharing = `Other clusters that share project ${project} read the new key by themselves within ${pullSecret.renewEvery}; ecr-bootstrap up there proves it.`;
  return [...(made ? [sharing] : []), ...(await keptKeys(ctx))];
}

async function keptKeys(ctx: Context): Promise<string[]> {
  const state = await observeKey(ctx);
  const { pair } = classify(state);
  return retiredKeys(state).map((key) => {
    const at = new Date(retiredAt(key, state, pair)).toISOString();
    return `Access key ${key.id} is disabled; the first ecr-bootstrap up or rotate after ${at} deletes it.`;
  });
}
