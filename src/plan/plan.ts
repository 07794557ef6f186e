import { BootstrapError } from '../errors/index.ts';
import { type Consent, isNeeded, isOvertaken, nobodyAgreed, type Parted, withhold } from './adoption.ts';
import { foreseen, nameOf } from './helpers.ts';
import type { AnyStep, Finding } from './step.ts';

/** One step with what it saw and what it would do about it. */
export interface Planned<Ctx> extends Parted {
  readonly step: AnyStep<Ctx>;
  /** What `observe` gave; undefined when it failed. */
  readonly state?: unknown;
  readonly findings: readonly Finding[];
  /** Why the step could not be observed. */
  readonly error?: BootstrapError;
}

/** Observes all steps in parallel. A step that cannot be observed is in the result with its error. */
export async function makePlan<Ctx>(
  steps: readonly AnyStep<Ctx>[],
  ctx: Ctx,
  consent: Consent = nobodyAgreed,
): Promise<Planned<Ctx>[]> {
  return adoptedOnce(await Promise.all(steps.map((step) => look(step, ctx, consent))));
}

/** What several steps would adopt belongs to the first of them: the others will find it ours. */
function adoptedOnce<Ctx>(plan: readonly Planned<Ctx>[]): Planned<Ctx>[] {
  const known = new Set<string>();
  return plan.map((planned) => {
    const isNew = ({ adopts, target }: Planned<Ctx>['changes'][number]): boolean =>
      !adopts || !known.has(nameOf(target));
    const [changes, foreign] = [planned.changes.filter(isNew), planned.foreign.filter(isNew)];
    for (const { adopts, target } of [...changes, ...foreign]) if (adopts) known.add(nameOf(target));
    return { ...planned, changes, foreign };
  });
}

/** Observes one step and compares. */
export async function look<Ctx>(
  step: AnyStep<Ctx>,
  ctx: Ctx,
  consent: Consent = nobodyAgreed,
): Promise<Planned<Ctx>> {
  try {
    const state: unknown = await step.observe(ctx);
    const { changes, findings } = step.diff(state, ctx);
    const parted = withhold(changes, consent);
    return { step, state, ...parted, findings: findings.filter((finding) => !isOvertaken(finding, parted)) };
  } catch (thrown) {
    return { step, changes: [], foreign: [], findings: [], error: foreseen(thrown, `look at ${step.id}`) };
  }
}

/**
 * Ends a run that must not begin.
 * @throws BootstrapError the first error of observation, `blocked` with what the first blocking finding says, or
 * `foreign` when something would have to be adopted that nobody asked for
 */
export function refuseBlocked<Ctx>(plan: readonly Planned<Ctx>[]): void {
  const unseen = plan.find((planned) => planned.error);
  if (unseen?.error) throw unseen.error;
  const blocking = plan.flatMap((planned) => planned.findings.filter((finding) => finding.blocking));
  const [first] = blocking;
  if (!first) return refuseForeign(plan);
  const others = blocking.length > 1 ? ` (and ${blocking.length - 1} more, listed above)` : '';
  throw new BootstrapError({
    code: 'blocked',
    what: first.what,
    why: `${first.why}${others}`,
    hint: first.hint,
  });
}

function refuseForeign<Ctx>(plan: readonly Planned<Ctx>[]): void {
  const foreign = plan.flatMap((planned) => planned.foreign.filter(isNeeded));
  const [first] = foreign;
  if (!first) return;
  const others = foreign.length > 1 ? ` and ${foreign.length - 1} more` : '';
  throw new BootstrapError({
    code: 'foreign',
    what: 'carry out the plan',
    why: `${nameOf(first.target)}${others} ${foreign.length > 1 ? 'exist and are' : 'exists and is'} not ours`,
    hint: 'Give --adopt for each, or --adopt-all: it becomes ours and as configured, and keeps what it holds. Or remove it, or choose other names.',
  });
}
