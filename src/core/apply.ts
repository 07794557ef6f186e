import { performance } from 'node:perf_hooks';
import type { z } from 'zod';
import { AbandonedError, graceMs, unlessAborted, withinGrace } from './abort.ts';
import type { Clock } from './clock.ts';
import { BootstrapError, interruptedError } from './errors.ts';
import type { Change, Emit, Event, MemberFailure, Outcome, Run } from './step.ts';
import { type Consent, consentedIn } from './consent.ts';
import { skipped } from './members.ts';
import type { stepResultSchema } from './schemas.ts';
import { nameOf } from './target.ts';
import { type StepPlan, planStep, refuseBlocked } from './plan.ts';
import { waitUntilVisible } from './visibility.ts';

export interface ApplyOptions<Ctx> {
  readonly ctx: Ctx;
  /** Returns a context without cached reads, to observe again after a change. */
  readonly fresh: (ctx: Ctx) => Ctx;
  /**
   * The observed state may have changed since the plan was made, so the steps before the first change are
   * observed again too.
   */
  readonly outdated?: boolean;
  readonly signal: AbortSignal;
  readonly emit: (event: Event) => void;
}

/** The result of one step. */
export interface StepResult extends z.infer<typeof stepResultSchema> {
  readonly outcomes: readonly Outcome[];
  readonly failures: readonly MemberFailure[];
}

/** Everything that was done before a run ended, successfully or with `error`. */
export interface RunResult {
  readonly steps: readonly StepResult[];
  readonly error?: BootstrapError;
  /** Changes were still in flight when the run ended. */
  readonly abandoned?: boolean;
}

/**
 * Applies a plan step by step. After a step has changed something, each later step is observed again, which may
 * refine the plan. A new target is announced. A deletion that was not shown ends the run. A deletion that was
 * shown and is no longer needed is reported. An empty plan changes nothing: its steps only check whether
 * everything is ready. After Ctrl-C or the end of --timeout, changes in flight get a short grace period and are
 * then abandoned.
 */
export async function applyPlan<Ctx extends { readonly clock: Clock }>(
  plan: readonly StepPlan<Ctx>[],
  how: ApplyOptions<Ctx>,
): Promise<RunResult> {
  const steps: StepResult[] = [];
  let stale = how.outdated === true;
  let ctx = stale ? how.fresh(how.ctx) : how.ctx;
  const consent = consentedIn(plan);
  const isEmpty = plan.every(({ changes }) => changes.length === 0);
  try {
    for (const planned of plan) {
      throwIfInterrupted(how.signal);
      const started = performance.now();
      const { id: step, title } = planned.step;
      const inFlight = new Progress((event) => how.emit({ ...event, step }));
      const run: Run<Ctx> = {
        ctx,
        signal: how.signal,
        emit: (event) => inFlight.emit(event),
        ...(isEmpty ? { isReadOnly: true } : {}),
      };
      how.emit({ type: 'step-started', step, title, changes: planned.changes.length });
      const fresh = ctx;
      const current = stale
        ? await unlessAborted(how.signal, () => observeAgain(planned, fresh, consent, how))
        : planned;
      let outcomes: readonly Outcome[];
      try {
        outcomes = await withinGrace(how.signal, graceMs, () => applyChanges(current, run));
      } catch (thrown) {
        if (how.signal.aborted) {
          steps.push({ step, outcomes: inFlight.abandon(current.changes), failures: [] });
        }
        throw thrown;
      }
      const failures = outcomes.flatMap(toleratedFailure);
      const dropped = droppedFrom(planned, current);
      for (const change of dropped) run.emit({ type: 'no-longer-needed', change });
      steps.push({ step, outcomes: [...skipped(dropped), ...outcomes], failures });
      throwIfFailed(outcomes);
      throwIfInterrupted(how.signal);
      const made = outcomes.flatMap(({ change, result }) => (result === 'done' ? change : []));
      const settle = async () => {
        const shown = planned.step.readsLag && made.length > 0;
        const hidden = shown ? await waitUntilVisible(planned.step, made, run, () => how.fresh(fresh)) : [];
        return [...hidden, ...((await planned.step.ready?.(current.state, run)) ?? [])];
      };
      for (const failure of await withinGrace(how.signal, graceMs, settle)) {
        failures.push(failure);
        run.emit({ type: 'member-failed', failure });
      }
      const milliseconds = performance.now() - started;
      how.emit({ type: 'step-done', step, title, made: countByAction(made), milliseconds });
      if (made.length > 0) {
        ctx = how.fresh(ctx);
        stale = true;
      }
    }
    return { steps };
  } catch (thrown) {
    if (how.signal.aborted) {
      const abandoned = thrown instanceof AbandonedError;
      return { steps, error: interruption(how.signal, abandoned), ...(abandoned ? { abandoned } : {}) };
    }
    if (thrown instanceof BootstrapError) return { steps, error: thrown };
    throw thrown;
  }
}

function countByAction(changes: readonly Change[]): Partial<Record<Change['action'], number>> {
  const counts: Partial<Record<Change['action'], number>> = {};
  for (const { action } of changes) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
}

/** Records the changes of one step while they are applied. */
class Progress {
  readonly #emit: Emit;
  readonly #started = new Set<Change>();
  readonly #outcomes = new Map<Change, Outcome>();
  #abandoned = false;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  readonly emit: Emit = (event) => {
    // The result has been shown.
    if (this.#abandoned) return;
    if (event.type === 'change-started') this.#started.add(event.change);
    if (event.type === 'change-done') this.#outcomes.set(event.outcome.change, event.outcome);
    this.#emit(event);
  };

  abandon(changes: readonly Change[]): Outcome[] {
    this.#abandoned = true;
    return changes.map(
      (change) =>
        this.#outcomes.get(change) ?? { change, result: this.#started.has(change) ? 'unknown' : 'skipped' },
    );
  }
}

async function observeAgain<Ctx>(
  planned: StepPlan<Ctx>,
  ctx: Ctx,
  consent: Consent,
  how: ApplyOptions<Ctx>,
): Promise<StepPlan<Ctx>> {
  const again = await planStep(planned.step, ctx, consent);
  refuseBlocked([again]);
  const known = new Map(planned.changes.map((change) => [nameOf(change.target), change]));
  const changes = again.changes.filter((change) => !change.postponable || known.has(nameOf(change.target)));
  for (const change of changes) {
    const before = known.get(nameOf(change.target));
    if (destroys(change) && !(before && destroys(before))) throw unplannedDelete(change);
    if (!before) how.emit({ type: 'change-found', step: planned.step.id, change });
  }
  return { ...again, changes };
}

/** The deletions and revocations that were shown and that the last observation does not need. */
function droppedFrom<Ctx>(planned: StepPlan<Ctx>, current: StepPlan<Ctx>): Change[] {
  const named = ({ action, target }: Change): string => `${action} ${nameOf(target)}`;
  const left = new Set(current.changes.map(named));
  return planned.changes.filter((change) => (destroys(change) || change.revokes) && !left.has(named(change)));
}

const destroys = (change: Change): boolean => change.action === 'delete' || change.action === 'replace';

async function applyChanges<Ctx>(planned: StepPlan<Ctx>, run: Run<Ctx>): Promise<readonly Outcome[]> {
  if (planned.changes.length === 0) return [];
  return planned.step.apply(planned.changes, planned.state, run);
}

function toleratedFailure(outcome: Outcome): MemberFailure[] {
  if (outcome.result !== 'failed' || !outcome.tolerable) return [];
  return [{ target: outcome.change.target, error: outcome.error }];
}

function throwIfFailed(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    if (outcome.result === 'failed' && !outcome.tolerable) throw outcome.error;
  }
}

function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interruption(signal, false);
}

function interruption({ reason }: AbortSignal, abandoned: boolean): BootstrapError {
  if (reason instanceof BootstrapError && reason.code !== 'interrupted') return reason;
  return interruptedError({
    what: 'could not apply all changes',
    why: abandoned
      ? 'the run was interrupted, and changes in flight did not finish in time'
      : 'the run was interrupted after the changes in flight were finished',
  });
}

export const unplannedDelete = (change: Change): BootstrapError =>
  new BootstrapError({
    code: 'plan-changed',
    what: `could not ${change.action} ${nameOf(change.target)}`,
    why: 'the plan that was shown did not include it',
    hint: 'Run the same command again and review the new plan.',
  });
