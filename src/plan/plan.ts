import { BootstrapError } from '../errors/index.ts';
import { foreseen } from './helpers.ts';
import type { AnyStep, Change, Finding } from './step.ts';

/** One step with what it saw and what it would do about it. */
export interface Planned<Ctx> {
  readonly step: AnyStep<Ctx>;
  /** What `observe` gave; undefined when it failed. */
  readonly state?: unknown;
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  /** Why the step could not be observed. */
  readonly error?: BootstrapError;
}

/** Observes all steps in parallel. A step that cannot be observed is in the result with its error. */
export function makePlan<Ctx>(steps: readonly AnyStep<Ctx>[], ctx: Ctx): Promise<Planned<Ctx>[]> {
  return Promise.all(steps.map((step) => look(step, ctx)));
}

/** Observes one step and compares. */
export async function look<Ctx>(step: AnyStep<Ctx>, ctx: Ctx): Promise<Planned<Ctx>> {
  try {
    const state: unknown = await step.observe(ctx);
    return { step, state, ...step.diff(state, ctx) };
  } catch (thrown) {
    return { step, changes: [], findings: [], error: foreseen(thrown, `look at ${step.id}`) };
  }
}

/**
 * Ends a run that must not begin.
 * @throws BootstrapError the first error of observation, or `blocked` with what the first blocking finding says
 */
export function refuseBlocked<Ctx>(plan: readonly Planned<Ctx>[]): void {
  const unseen = plan.find((planned) => planned.error);
  if (unseen?.error) throw unseen.error;
  const blocking = plan.flatMap((planned) => planned.findings.filter((finding) => finding.blocking));
  const [first] = blocking;
  if (!first) return;
  const others = blocking.length > 1 ? ` (and ${blocking.length - 1} more, listed above)` : '';
  throw new BootstrapError({
    code: 'blocked',
    what: first.what,
    why: `${first.why}${others}`,
    hint: first.hint,
  });
}
