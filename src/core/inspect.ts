import type { z } from 'zod';
import type { BootstrapError } from './errors.ts';
import { isNeeded } from './consent.ts';
import { nameOf } from './target.ts';
import { toBootstrapError } from './members.ts';
import { unknownOwner } from './ownership.ts';
import { type StepPlan, planStep } from './plan.ts';
import type { stepStatusSchema } from './schemas.ts';
import type { AnyStep, Change } from './step.ts';
import { type Finding, finding } from './findings.ts';

/** The state of one step as `status` shows it. */
export type StepStatus = z.infer<typeof stepStatusSchema>;

/** Checks all steps in parallel and changes nothing. A check that cannot run is a finding of level `unknown`. */
export function inspect<Ctx>(steps: readonly AnyStep<Ctx>[], ctx: Ctx): Promise<StepStatus[]> {
  return Promise.all(
    steps.map(async (step) => {
      const planned = await planStep(step, ctx);
      const status = { step: step.id, title: step.title, group: step.group };
      if (planned.error) return { ...status, findings: [couldNotCheck(step.id, planned.error)], drift: [] };
      const more = await health(planned, ctx);
      const explained = new Set(
        more.filter(({ code }) => explainsDrift.has(code)).map(({ target }) => nameOf(target)),
      );
      const drift = planned.changes.filter(({ target }) => !explained.has(nameOf(target)));
      const findings = [
        ...drift.map(driftFinding),
        ...planned.unmanaged.filter(isNeeded).map(unmanagedFinding),
        ...planned.findings,
        ...more,
      ];
      const summary = step.summary?.(planned.state, ctx);
      return { ...status, findings, drift, ...(summary ? { summary } : {}) };
    }),
  );
}

/** Findings of a resource that take the place of its drift. */
const explainsDrift: ReadonlySet<Finding['code']> = new Set([
  'change-rejected',
  'image-list-outdated',
  'not-set-up',
]);

async function health<Ctx>({ step, state }: StepPlan<Ctx>, ctx: Ctx): Promise<readonly Finding[]> {
  try {
    return (await step.health?.(state, ctx)) ?? [];
  } catch (thrown) {
    return [couldNotCheck(step.id, toBootstrapError(thrown, `could not check the health of ${step.id}`))];
  }
}

function couldNotCheck(step: string, error: BootstrapError): Finding {
  const { what, why, hint } = error;
  return finding('not-checked', { target: { kind: 'step', name: step }, what, why, hint });
}

function driftFinding(change: Change): Finding {
  const fields = change.fields.map((field) => field.path).join(', ');
  return finding('drift', {
    target: change.target,
    what: `${nameOf(change.target)} ${change.action === 'create' ? 'is missing' : 'differs from the configuration'}`,
    why:
      change.reason ?? (change.action === 'create' || !fields ? 'it is part of the configuration' : fields),
    hint: change.fix ?? 'ecr-bootstrap up',
  });
}

const unmanagedFinding = ({ target, adopts }: Change): Finding =>
  finding('unmanaged', {
    target,
    what: `${nameOf(target)} already exists and is not managed by ecr-bootstrap`,
    why: `its owner is ${adopts?.owner ?? unknownOwner}; it stays unchanged until you adopt it`,
    hint: 'Adopt it (`ecr-bootstrap up` shows the command), delete it, or configure another name.',
  });
