import type { Change } from '../core/step.ts';
import type { Context } from '../steps/context.ts';
import { classify, retiredAt } from '../access-key/classify.ts';
import { observeKey } from '../access-key/state.ts';
import { forcedRotationSteps } from '../access-key/rotation/forced.ts';
import { rotationSteps } from '../access-key/rotation/index.ts';
import { retiredKeys } from '../access-key/rotation/state.ts';
import { applyQuestion } from './confirm.ts';
import { doJob } from './job.ts';
import { createsKey, newKeyElsewhere } from './other-clusters.ts';
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
    next: (ctx, changes) =>
      force ? [newKeyElsewhere(ctx, { givesKey: true, hasRevoked: true })] : whatFollows(ctx, changes),
  });
}

/** What happens to the other clusters and to the old key after this run. */
const whatFollows = (ctx: Context, changes: readonly Change[]): readonly Promise<string[]>[] => [
  createsKey(changes) ? newKeyElsewhere(ctx, { givesKey: true }) : Promise.resolve([]),
  keptKeys(ctx),
];

async function keptKeys(ctx: Context): Promise<string[]> {
  const state = await observeKey(ctx);
  const { pair } = classify(state);
  return retiredKeys(state).map((key) => {
    const at = new Date(retiredAt(key, state, pair)).toISOString();
    return `Access key ${key.id} is disabled; the first ecr-bootstrap up or rotate after ${at} deletes it.`;
  });
}
