import type { StepPlan } from './plan.ts';
import { sha256 } from './sha256.ts';
import type { Change } from './step.ts';
import { nameOf } from './target.ts';

/** Where a plan applies. The digests of equal changes in two accounts or clusters differ. */
export interface PlanScope {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
  /** The address of the Kubernetes API. */
  readonly server?: string | undefined;
}

/** The steps of a plan, as far as the digest covers them. */
type DigestedStep = Pick<StepPlan<never>, 'changes'> & { readonly step: { readonly id: string } };

/**
 * The SHA-256 of a plan, as `sha256:…`: of its changes as they are printed, and of the account and cluster. Equal
 * plans have equal digests, whenever and wherever they are made. So the digest covers no times, no findings, no estimates,
 * and not the order in which a step lists its changes. Secrets and values that are known after apply are placeholders.
 */
export function digestOf(plan: readonly DigestedStep[], { account, region, server }: PlanScope): string {
  const steps = plan
    .filter(({ changes }) => changes.length > 0)
    .map(({ step, changes }) => ({ step: step.id, changes: changes.map(canonicalChange).sort() }));
  const text = canonicalJson({ account, region, server, steps });
  return `sha256:${sha256(text)}`;
}

function canonicalChange({ action, target, fields, reason, warning, adopts }: Change): string {
  return canonicalJson({ action, target: nameOf(target), fields, reason, warning, adopts });
}

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** JSON with sorted keys, without times. Secrets become placeholders by their `toJSON`. */
function canonicalJson(data: object): string {
  return JSON.stringify(data, (_key, value: unknown) => {
    if (typeof value === 'string') return value.replace(time, '(time)');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
