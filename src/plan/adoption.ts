import { nameOf } from './helpers.ts';
import type { Change, Finding, Target } from './step.ts';

/** Whether something that is not ours may be made ours. */
export type Consent = (target: Target) => boolean;

export const nobodyAgreed: Consent = () => false;

/** The changes of one step, parted by what may be done. */
export interface Parted {
  readonly changes: readonly Change[];
  /** Of what is not ours and was not asked for: one for each target, with the fields of all. */
  readonly foreign: readonly Change[];
}

/** Withholds every change of a target that is not ours, unless it was agreed to; what is optional is withheld alone. */
export function withhold(changes: readonly Change[], consent: Consent): Parted {
  const refused = changes.filter(({ adopts, target }) => adopts && !consent(target));
  const needed = new Set(refused.filter(isNeeded).map(({ target }) => nameOf(target)));
  const isForeign = (change: Change): boolean =>
    refused.includes(change) || needed.has(nameOf(change.target));
  return {
    changes: changes.filter((change) => !isForeign(change)),
    foreign: oncePerTarget(changes.filter(isForeign)),
  };
}

function oncePerTarget(changes: readonly Change[]): Change[] {
  const byTarget = new Map<string, Change>();
  for (const change of changes) {
    const known = byTarget.get(nameOf(change.target));
    const fields = [...(known?.fields ?? []), ...change.fields];
    byTarget.set(nameOf(change.target), { ...(known ?? change), fields });
  }
  return [...byTarget.values()];
}

/** What is said of something as it is, and holds no more once it is adopted. */
export const isOvertaken = ({ level, target }: Finding, { changes }: Pick<Parted, 'changes'>): boolean =>
  level === 'ok' && changes.some((change) => change.adopts && nameOf(change.target) === nameOf(target));

/** The run cannot do without making this ours. */
export const isNeeded = ({ adopts }: Change): boolean => adopts !== undefined && adopts.optional !== true;

/** Agrees to what was adopted in the plan that was shown, and to nothing that turns up later. */
export function agreedIn(plan: readonly Pick<Parted, 'changes'>[]): Consent {
  const adopted = plan.flatMap(({ changes }) => changes.filter(({ adopts }) => adopts));
  const names = new Set(adopted.map(({ target }) => nameOf(target)));
  return (target) => names.has(nameOf(target));
}
