import { performance } from 'node:perf_hooks';
import { tally } from '../core/group-by.ts';
import { unlessAborted } from '../core/abort.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import type { Header } from '../output/index.ts';
import { plural } from '../output/units.ts';
import { applyPlan, type RunResult } from '../core/apply.ts';
import type { Change, MemberFailure } from '../core/step.ts';
import { type Consent, isNeeded } from '../core/consent.ts';
import { splitFailures, toBootstrapError } from '../core/members.ts';
import { actionsByTarget, nameOf } from '../core/target.ts';
import { digestOf } from '../core/plan-digest.ts';
import { makePlan, type StepPlan, refuseBlocked, refuseFindings } from '../core/plan.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import type { ClusterRecord } from '../access-key/registration/records.ts';
import { newerRegistration, olderVersionTexts } from '../access-key/registration/version.ts';
import { adoptingCommand } from './adopt.ts';
import { areAllSteps, needsOf } from './select-steps.ts';
import { confirm, type Question } from './confirm.ts';
import { holdLease } from './lease.ts';
import { preflight, probe, showReading } from './preflight.ts';
import { announcingStop } from './stopping.ts';
import type { Session } from './session.ts';

/** The common part of `up`, `rotate` and `down`: a plan that is shown, confirmed and applied. */
export interface PlanRun {
  readonly steps: readonly AnyStep[];
  readonly dryRun?: boolean | undefined;
  /** Shows changes of IAM policies and Kubernetes objects as unified diffs. */
  readonly showsDiffs?: boolean | undefined;
  /** With `dryRun`: exit 3 if the plan is not empty. */
  readonly exitCode?: boolean | undefined;
  /** Unless this is a dry run, verifies the stored access key by using it. See {@link Context.usesKey}. */
  readonly usesKey?: boolean;
  /** Shows the digest of the plan. */
  readonly isDigested?: boolean;
  /** The digest that the plan must have. */
  readonly expectPlan?: string | undefined;
  /** Throws if the run must not start. */
  readonly refuse?: (ctx: Context) => Promise<void>;
  /** Which existing resources to adopt; none by default. */
  readonly consent?: Consent;
  /** The question before the first change. Undefined if the user gave consent in advance. */
  readonly question: ((header: Partial<Header>, ctx: Context) => Question) | undefined;
  /** Next steps in addition to those of the steps, one line each. */
  readonly nextSteps?: readonly string[];
}

/** Resolves to the exit code. */
export async function runPlan(session: Session, job: PlanRun): Promise<number> {
  const { reporter, signal } = session;
  const { steps, expectPlan } = job;
  const usesKey = job.usesKey === true && job.dryRun !== true;
  // A dry run does not use the key, so a plan that is compared with one must not either.
  const ctx = (await session.context()).fresh({ usesKey: usesKey && expectPlan === undefined });
  const needs = needsOf(steps);
  showReading(session);
  const { plan, header, digest } = await unlessAborted(signal, () => prepare(session, ctx, job));
  const isStopped = plan.some(({ unmanaged }) => unmanaged.some(isNeeded));
  await reporter.show({
    type: 'plan',
    data: {
      steps: (job.showsDiffs ? await withDiffs(plan) : plan).map((planned) => shown(planned, ctx)),
      dryRun: job.dryRun === true,
      ...(job.isDigested ? { digest } : {}),
      ...(isStopped ? { adoptBy: adoptingCommand(session, plan) } : {}),
    },
  });
  refuseBlocked(plan);
  refuseOtherDigest(digest, expectPlan);
  const changes = plan.flatMap((planned) => planned.changes);
  if (job.dryRun) return changes.length > 0 && job.exitCode ? exitCodes.drift : exitCodes.done;
  const question = changes.length > 0 ? job.question?.(header, ctx) : undefined;
  if (question && !(await confirm(session, question))) {
    await reporter.show({ type: 'text', data: { text: 'Nothing was changed.' } });
    return exitCodes.failed;
  }

  const lease =
    changes.length > 0 && needs.has('cluster')
      ? await holdLease(ctx, {
          signal,
          warn: (text) => reporter.warn(text),
          waiting: (what, seconds) => reporter.event({ type: 'waiting', step: 'lease', what, seconds }),
        })
      : undefined;
  let abandoned = false;
  try {
    if (expectPlan !== undefined && lease) {
      // While this run waited for the lease, another one may have changed the state.
      const again = await unlessAborted(signal, () => makePlan(steps, ctx.fresh(), job.consent));
      refuseFindings(again);
      refuseOtherDigest(digestOf(again, header), expectPlan);
    }
    const started = performance.now();
    const result = await announcingStop(session, 'Stopping after the current changes', () =>
      applyPlan(plan, {
        ctx: expectPlan === undefined ? ctx : ctx.fresh({ usesKey }),
        fresh: (old) => old.fresh(),
        // During the question and the wait for the lease, the state may have changed.
        outdated: question !== undefined || lease !== undefined || expectPlan !== undefined,
        signal: lease ? AbortSignal.any([signal, lease.lost]) : signal,
        emit: (event) => reporter.event(event),
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    abandoned = result.abandoned === true;
    const { next, missing } = result.error
      ? { next: [], missing: [] }
      : await nextSteps(job, plan, changes.length > 0 ? ctx.fresh() : ctx, signal);
    await reporter.show({
      type: 'result',
      data: { steps: result.steps, ...countDone(result, changes), seconds, next },
      isStopped: result.error !== undefined,
    });
    for (const error of missing) reporter.warn(`Could not find all next steps: ${error.message}.`);
    throwFailure(result, steps, session.flags.output === 'json');
    return exitCodes.done;
  } finally {
    // Changes in flight may still take effect, so other runs have to wait until the lease expires.
    if (abandoned) lease?.leave();
    else await lease?.release();
  }
}

/** A failure to find the next steps must not replace the result of the run. */
async function nextSteps(
  { nextSteps: added = [] }: PlanRun,
  plan: readonly StepPlan<Context>[],
  ctx: Context,
  signal: AbortSignal,
): Promise<{ readonly next: readonly string[]; readonly missing: readonly BootstrapError[] }> {
  const steps = new Set(plan.map(({ step }) => step.id));
  const found = await Promise.allSettled(
    plan
      .filter(({ step }) => step.nextSteps !== undefined)
      .map(({ step, changes }) =>
        unlessAborted(signal, async () => (await step.nextSteps?.(ctx, { changes, steps })) ?? []),
      ),
  );
  return {
    next: [...found.flatMap((lines) => (lines.status === 'fulfilled' ? lines.value : [])), ...added],
    missing: found.flatMap((lines) =>
      lines.status === 'rejected' ? [toBootstrapError(lines.reason, 'could not find the next steps')] : [],
    ),
  };
}

/** @throws BootstrapError `plan-changed` if the plan is not the expected one */
function refuseOtherDigest(digest: string, expected: string | undefined): void {
  if (expected === undefined || digest === expected) return;
  throw new BootstrapError({
    code: 'plan-changed',
    what: 'could not apply the expected plan',
    why: `the plan has the digest ${digest}, not ${expected}; nothing was changed`,
    hint: 'Review the new plan with --dry-run, then run the command with its digest.',
  });
}

/** Everything up to the plan: reads only. */
async function prepare(
  session: Session,
  ctx: Context,
  { steps, consent, dryRun, refuse }: PlanRun,
): Promise<{ plan: StepPlan<Context>[]; header: Partial<Header>; digest: string }> {
  const reached = await probe(ctx, needsOf(steps), areAllSteps(steps));
  await session.header(reached.header);
  await preflight(ctx, steps, reached);
  await refuse?.(ctx);
  const [plan, newer] = await Promise.all([
    makePlan(steps, ctx, consent),
    newerRegistration(ctx, needsOf(steps)),
  ]);
  if (newer) refuseOlderVersion(session, newer, dryRun === true);
  refuseFindings(plan);
  await refuseWithoutEngine(session, plan);
  const { header } = reached;
  return { plan: await estimated(plan, ctx), header, digest: digestOf(plan, header) };
}

function estimated(plan: readonly StepPlan<Context>[], ctx: Context): Promise<StepPlan<Context>[]> {
  const all = plan.flatMap(({ changes }) => changes);
  return Promise.all(
    plan.map(async (planned) => {
      const changes = await planned.step.estimate?.(planned.changes, ctx, all);
      return changes ? { ...planned, changes } : planned;
    }),
  );
}

/** A dry run changes nothing, so it only warns. */
function refuseOlderVersion({ reporter }: Session, newer: ClusterRecord, dryRun: boolean): void {
  const parts = olderVersionTexts(newer);
  if (!dryRun) throw new BootstrapError({ code: 'version-older', ...parts });
  reporter.warn(`${parts.what}: ${parts.why}. ${parts.hint}`);
}

/** If the configuration allows only Docker to copy images, the engine must be reachable before the first change. */
async function refuseWithoutEngine(session: Session, plan: readonly StepPlan<Context>[]): Promise<void> {
  const { config } = await session.loaded();
  const copies = plan.some(({ step, changes }) => step.needs.includes('sources') && changes.length > 0);
  if (!copies || config.mirror.engine !== 'docker') return;
  const { docker } = await session.context();
  await (await docker()).version();
}

/** The plan with a unified diff in each change of an IAM policy or a Kubernetes object. */
async function withDiffs(plan: readonly StepPlan<Context>[]): Promise<StepPlan<Context>[]> {
  const { unifiedDiff } = await import('../output/unified-diff.ts');
  const withDiff = async ({ step, state }: StepPlan<Context>, change: Change): Promise<Change> => {
    const preview = step.preview?.(change, state);
    const diff = preview ? await unifiedDiff(preview) : [];
    return diff.length > 0 ? { ...change, diff } : change;
  };
  return Promise.all(
    plan.map(async (planned) => ({
      ...planned,
      changes: await Promise.all(planned.changes.map((change) => withDiff(planned, change))),
    })),
  );
}

const shown = ({ step, changes, unmanaged, findings }: StepPlan<Context>, ctx: Context) => ({
  step: step.id,
  title: step.title,
  group: step.group,
  ...(step.topic ? { topic: step.topic } : {}),
  ...(step.subject ? { subject: step.subject(ctx) } : {}),
  changes,
  ...(unmanaged.length > 0 ? { unmanaged } : {}),
  findings,
});

/** Counts targets, as the plan does. */
function countDone({ steps }: RunResult, planned: readonly Change[]) {
  const done = steps.flatMap(({ outcomes }) => outcomes.filter(({ result }) => result === 'done'));
  const actions = actionsByTarget(done.map(({ change }) => change));
  const known = new Set(planned.map(({ target }) => nameOf(target)));
  return {
    changed: actions.size,
    unplanned: [...actions.keys()].filter((name) => !known.has(name)).length,
    made: Object.fromEntries(tally([...actions.values()])) as Partial<Record<Change['action'], number>>,
  };
}

/**
 * Failed members do not stop a run, but it exits with an error. In text, the result has shown the reasons and fixes.
 */
function throwFailure(result: RunResult, steps: readonly AnyStep[], isJson: boolean): void {
  if (result.error) throw result.error;
  const failing = result.steps.filter(({ failures }) => failures.length > 0);
  const failures = failing.flatMap((step) => step.failures);
  const [first, ...others] = failures;
  if (!first) return;
  const isOne = others.length === 0;
  const mirroring = new Set(steps.filter(({ needs }) => needs.includes('sources')).map(({ id }) => id));
  throw new BootstrapError({
    code: failing.every(({ step }) => mirroring.has(step)) ? 'mirror-incomplete' : 'incomplete',
    what: `${headline(failures)}; everything else is done`,
    why: isJson
      ? first.error.message
      : `the output shows the ${isOne ? 'reason and the fix' : 'reasons and fixes'}`,
    hint:
      isJson && isOne
        ? first.error.hint
        : `Fix the ${isOne ? 'cause' : 'causes'}, then run the same command again. What is done is skipped.`,
  });
}

function headline(failures: readonly MemberFailure[]): string {
  const { missing, failed } = splitFailures(failures);
  const [first, ...others] = failed;
  const cannotBeFound = missing.length > 0 ? `${plural(missing.length, 'image')} not found` : '';
  if (!first) return cannotBeFound;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return [`${nameOf(first.target)}${more} failed`, cannotBeFound].filter(Boolean).join(', ');
}
