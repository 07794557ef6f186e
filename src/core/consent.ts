import { nameOf, type Target } from './target.ts';
import type { Change, ChangeWith } from './step.ts';
import type { Finding } from './findings.ts';

/** Whether an unmanaged resource may be adopted. */
export type Consent = (target: Target) => boolean;

export const denyAll: Consent = () => false;

/** The changes of one step, split by consent. */
export interface PartitionedChanges {
  readonly changes: readonly Change[];
  /** Changes of unmanaged resources without consent, merged into one change per target. */
  readonly unmanaged: readonly Change[];
}

/**
 * Withholds every change of an unmanaged target without consent. For an optional adoption, it withholds only
 * that change.
 */
export function splitByConsent(changes: readonly Change[], consent: Consent): PartitionedChanges {
  const refused = changes.filter(({ adopts, target }) => adopts && !consent(target));
  const needed = new Set(refused.filter(isNeeded).map(({ target }) => nameOf(target)));
  const isWithheld = (change: Change): boolean =>
    refused.includes(change) || needed.has(nameOf(change.target));
  return {
    changes: oncePerTarget(changes.filter((change) => !isWithheld(change))),
    unmanaged: oncePerTarget(changes.filter(isWithheld)),
  };
}

/**
 * Merges several updates of one target into one change with all fields and payloads, at the position of the
 * first.
 */
function oncePerTarget(changes: readonly Change[]): Change[] {
  const byTarget = new Map<string, Change>();
  for (const change of changes) {
    const key = JSON.stringify([nameOf(change.target), change.adopts ? 'update' : change.action]);
    const known = byTarget.get(key);
    byTarget.set(key, known ? merged(known, change) : change);
  }
  return [...byTarget.values()];
}

function merged(first: Change, second: Change): Change {
  const payload = { ...payloadOf(second), ...payloadOf(first) };
  return {
    ...second,
    ...first,
    fields: [...first.fields, ...second.fields],
    ...(Object.keys(payload).length > 0 ? { payload } : {}),
  };
}

const payloadOf = (change: Change): object | undefined => (change as Partial<ChangeWith<object>>).payload;

/** Whether the finding no longer holds after these changes. */
export function isResolvedBy(changes: readonly Change[], { level, target, resolvedBy }: Finding): boolean {
  const isOf = (name: string) => (change: Change) => nameOf(change.target) === name;
  if (resolvedBy && changes.some(isOf(nameOf(resolvedBy)))) return true;
  return level === 'ok' && changes.some((change) => change.adopts && isOf(nameOf(target))(change));
}

/** Whether the run needs this adoption. */
export const isNeeded = ({ adopts }: Change): boolean => adopts !== undefined && adopts.optional !== true;

/** Consents to the adoptions in the plan that was shown, and to no adoption that is found later. */
export function consentedIn(plan: readonly Pick<PartitionedChanges, 'changes'>[]): Consent {
  const adopted = plan.flatMap(({ changes }) => changes.filter(({ adopts }) => adopts));
  const names = new Set(adopted.map(({ target }) => nameOf(target)));
  return (target) => names.has(nameOf(target));
}
