import { BootstrapError, exitCodes } from '../errors/index.ts';
import {
  carryOut,
  type Change,
  makePlan,
  type Outcome,
  type Planned,
  refuseBlocked,
  type RunResult,
} from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { type Choice, chooseSteps, needsOf } from './choose.ts';
import { holdLease } from './lease.ts';
import { leftByHand } from './left.ts';
import { preflight, reach } from './preflight.ts';
import type { Session } from './session.ts';

export interface UpOptions extends Choice {
  readonly dryRun?: boolean;
  readonly exitCode?: boolean;
  readonly yes?: boolean;
}

/** Plans, asks where it must, and carries the plan out. Resolves to the exit code. */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const { reporter, signal } = session;
  const ctx = await session.context();
  const chosen = chooseSteps(steps, options);
  const reached = await reach(ctx, needsOf(chosen));
  reporter.header({ sandbox: session.sandbox === true, ...reached.header });
  await preflight(ctx, chosen, reached);

  const plan = await makePlan(chosen, ctx);
  await reporter.show({ type: 'plan', data: { steps: plan.map(shown), dryRun: options.dryRun === true } });
  refuseBlocked(plan);
  const changes = plan.flatMap((planned) => planned.changes);
  if (options.dryRun) return changes.length > 0 && options.exitCode ? exitCodes.drift : exitCodes.done;
  await confirm(session, ctx, changes, options.yes === true);

  const lease = changes.length > 0 && needsOf(chosen).has('cluster') ? await holdLease(ctx) : undefined;
  try {
    const result = await carryOut(plan, {
      ctx,
      fresh: (old) => old.fresh(),
      signal: lease ? AbortSignal.any([signal, lease.lost]) : signal,
      emit: (event) => reporter.event(event),
    });
    const next = result.error ? [] : await leftByHand(ctx.fresh(), chosen);
    await reporter.show({ type: 'result', data: { steps: result.steps, changed: countDone(result), next } });
    throwFailure(result);
    return exitCodes.done;
  } finally {
    await lease?.release();
  }
}

const shown = ({ step, changes, findings }: Planned<Context>) => ({
  step: step.id,
  title: step.title,
  changes,
  findings,
});

const outcomesOf = (result: RunResult): Outcome[] => result.steps.flatMap((step) => step.outcomes);

const countDone = (result: RunResult): number =>
  outcomesOf(result).filter((outcome) => outcome.result === 'done').length;

/** Failures that did not end the run still make it a failed one. */
function throwFailure(result: RunResult): void {
  if (result.error) throw result.error;
  const failed = outcomesOf(result).filter((outcome) => outcome.result === 'failed');
  const [first] = failed;
  if (!first) return;
  throw new BootstrapError({
    code: 'mirror-incomplete',
    what: `${failed.length} of ${outcomesOf(result).length} changes failed`,
    why: first.error.message,
    hint: 'Everything else was done. Deal with what is listed above and run the same command again.',
  });
}

/**
 * Nobody is asked about a plan that only repairs or adds; a first run and one that touches rights, replaces or
 * deletes is confirmed on a terminal, and elsewhere has to be meant: by --yes or by the account guard.
 */
async function confirm(
  { reporter }: Session,
  ctx: Context,
  changes: readonly Change[],
  yes: boolean,
): Promise<void> {
  if (yes || changes.length === 0) return;
  if (reporter.canAsk) {
    if (!changes.some(isWeighty) || (await reporter.ask('Carry this plan out?'))) return;
    throw new BootstrapError({
      code: 'declined',
      what: 'carry out the plan',
      why: 'the answer was no; nothing was changed',
      hint: 'Run the command again when the plan is what you want.',
    });
  }
  if (ctx.config.aws.accountId !== undefined) return;
  throw new BootstrapError({
    code: 'confirmation-needed',
    what: 'carry out the plan',
    why: 'there is no terminal to ask on, and aws.accountId is not configured',
    hint: 'Give --yes, or --account-id (aws.accountId in the file), which makes sure of the account.',
  });
}

const isWeighty = (change: Change): boolean =>
  change.grants === true ||
  change.action === 'replace' ||
  change.action === 'delete' ||
  (change.action === 'create' && change.target.kind === 'Namespace');
