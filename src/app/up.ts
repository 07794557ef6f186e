import { BootstrapError, exitCodes } from '../errors/index.ts';
import type { AnyStep } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { type AdoptOptions, consentOf } from './adopt.ts';
import { type Choice, chooseSteps } from './choose.ts';
import { applyQuestion } from './confirm.ts';
import { doJob } from './job.ts';
import { leftByHand } from './left.ts';
import type { Session } from './session.ts';

export interface UpOptions extends Choice, AdoptOptions {
  readonly dryRun?: boolean;
  readonly exitCode?: boolean;
  readonly yes?: boolean;
}

/** Plans, asks where it must, and carries the plan out. Resolves to the exit code. */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const { dryRun, exitCode, yes } = options;
  const chosen = chooseSteps(steps, options);
  try {
    return await doJob(session, {
      steps: chosen,
      dryRun,
      exitCode,
      usesKey: true,
      consent: consentOf(options),
      question: yes ? undefined : applyQuestion,
      next: (ctx) => leftByHand(ctx, chosen),
    });
  } catch (error) {
    const leftOut = earlierThan(chosen);
    if (isFailure(error) && leftOut.length > 0) {
      session.reporter.warn(`Steps that come first were left out: ${leftOut.join(', ')}.`);
    }
    throw error;
  }
}

const isFailure = (error: unknown): boolean =>
  error instanceof BootstrapError && error.exitCode === exitCodes.failed && error.code !== 'timeout';

/** The steps before the last chosen one that were not chosen: what it builds on may be missing. */
function earlierThan(chosen: readonly AnyStep[]): string[] {
  const last = chosen.at(-1);
  const before = last ? steps.slice(0, steps.indexOf(last)) : [];
  return before.filter((step) => !chosen.includes(step)).map((step) => step.id);
}
