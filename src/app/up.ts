import { steps } from '../steps/index.ts';
import { type Choice, chooseSteps } from './choose.ts';
import { confirm } from './confirm.ts';
import { doJob } from './job.ts';
import { leftByHand } from './left.ts';
import type { Session } from './session.ts';

export interface UpOptions extends Choice {
  readonly dryRun?: boolean;
  readonly exitCode?: boolean;
  readonly yes?: boolean;
}

/** Plans, asks where it must, and carries the plan out. Resolves to the exit code. */
export function up(session: Session, { dryRun, exitCode, yes, ...choice }: UpOptions): Promise<number> {
  const chosen = chooseSteps(steps, choice);
  return doJob(session, {
    steps: chosen,
    dryRun,
    exitCode,
    confirm: (ctx, changes) => confirm(session, ctx, changes, yes === true),
    next: (ctx) => leftByHand(ctx, chosen),
  });
}
