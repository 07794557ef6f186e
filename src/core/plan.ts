import { BootstrapError, severalErrors } from './errors.ts';
import {
  type Consent,
  denyAll,
  isNeeded,
  isResolvedBy,
  type PartitionedChanges,
  splitByConsent,
} from './consent.ts';
import { nameOf } from './target.ts';
import { toBootstrapError } from './members.ts';
import type { AnyStep, Diff, RemovalScope } from './step.ts';
import type { Finding } from './findings.ts';

/** One step with its observed state and its changes. */
export interface StepPlan<Ctx> extends PartitionedChanges {
  readonly step: AnyStep<Ctx>;
  /** The result of `observe`; undefined if it failed. */
  readonly state?: unknown;
  readonly findings: readonly Finding[];
  /** Why the step could not be observed. */
  readonly error?: BootstrapError;
}

/** Observes all steps in parallel. The result contains the error of each step that could not be observed. */
export async function makePlan<Ctx>(
  steps: readonly AnyStep<Ctx>[],
  ctx: Ctx,
  consent: Consent = denyAll,
): Promise<StepPlan<Ctx>[]> {
  return withoutResolved(adoptedOnce(await Promise.all(steps.map((step) => planStep(step, ctx, consent)))));
}

/** Assigns a resource that several steps would adopt to the first step. The others will find it managed. */
function adoptedOnce<Ctx>(plan: readonly StepPlan<Ctx>[]): StepPlan<Ctx>[] {
  const known = new Set<string>();
  return plan.map((planned) => {
    const isNew = ({ adopts, target }: StepPlan<Ctx>['changes'][number]): boolean =>
      !adopts || !known.has(nameOf(target));
    const [changes, unmanaged] = [planned.changes.filter(isNew), planned.unmanaged.filter(isNew)];
    for (const { adopts, target } of [...changes, ...unmanaged]) if (adopts) known.add(nameOf(target));
    return { ...planned, changes, unmanaged };
  });
}

/** Removes the findings that the plan itself resolves. */
function withoutResolved<Ctx>(plan: readonly StepPlan<Ctx>[]): StepPlan<Ctx>[] {
  const changes = plan.flatMap((planned) => planned.changes);
  return plan.map((planned) => ({
    ...planned,
    findings: planned.findings.filter((finding) => !isResolvedBy(changes, finding)),
  }));
}

/** Observes one step and compares its state with the desired state. */
export async function planStep<Ctx>(
  step: AnyStep<Ctx>,
  ctx: Ctx,
  consent: Consent = denyAll,
): Promise<StepPlan<Ctx>> {
  try {
    const state: unknown = await step.observe(ctx);
    const { changes, findings } = step.diff(state, ctx);
    const parted = splitByConsent(changes, consent);
    return { step, state, ...parted, findings };
  } catch (thrown) {
    return {
      step,
      changes: [],
      unmanaged: [],
      findings: [],
      error: toBootstrapError(thrown, `could not check ${step.id}`),
    };
  }
}

/**
 * Ends a run that must not start.
 * @throws BootstrapError the first error of an observation, `blocked` for each blocking finding, or `unmanaged` when the run
 * needs an adoption without consent
 */
export function refuseBlocked<Ctx>(plan: readonly StepPlan<Ctx>[]): void {
  refuseFindings(plan);
  refuseUnmanaged(plan);
}

/** The checks of {@link refuseBlocked} that do not depend on consent. They run before the plan is shown. */
export function refuseFindings<Ctx>(plan: readonly StepPlan<Ctx>[]): void {
  const failed = plan.find((planned) => planned.error);
  if (failed?.error) throw failed.error;
  const blocking = plan.flatMap((planned) => planned.findings.filter((finding) => finding.blocking));
  if (blocking.length === 0) return;
  throw severalErrors(
    blocking.map(({ what, why, hint }) => new BootstrapError({ code: 'blocked', what, why, hint })),
  );
}

function refuseUnmanaged<Ctx>(plan: readonly StepPlan<Ctx>[]): void {
  const unmanaged = plan.flatMap((planned) => planned.unmanaged.filter(isNeeded));
  const [first] = unmanaged;
  if (!first) return;
  const others = unmanaged.length > 1 ? ` and ${unmanaged.length - 1} more` : '';
  throw new BootstrapError({
    code: 'unmanaged',
    what: 'could not apply the plan',
    why: `${nameOf(first.target)}${others} ${unmanaged.length > 1 ? 'already exist and are' : 'already exists and is'} not managed by ecr-bootstrap`,
    hint: 'Adopt it with --adopt or --adopt-all: ecr-bootstrap then configures it, and keeps its content. Or delete it, or configure another name.',
  });
}

interface Removal {
  /** What the step itself observed. */
  readonly state: unknown;
  readonly diff: Diff;
}

/** The step in reverse. Its plan lists what `down` deletes, and is empty for a step without `remove`. */
export function removalOf<Ctx>(step: AnyStep<Ctx>, scope: RemovalScope): AnyStep<Ctx> {
  const { id, title, group, topic, needs, readsLag } = step;
  return {
    id,
    title,
    group,
    needs,
    ...(topic ? { topic } : {}),
    ...(readsLag ? { readsLag } : {}),
    observe: async (ctx): Promise<Removal> => {
      const state: unknown = await (step.observeRemoval?.(ctx) ?? step.observe(ctx));
      return { state, diff: (await step.remove?.(state, ctx, scope)) ?? { changes: [], findings: [] } };
    },
    diff: ({ diff }: Removal) => diff,
    apply: (changes, { state }: Removal, run) => step.apply(changes, state, run),
    ready: async (_, run) => step.removed?.(run),
  };
}
