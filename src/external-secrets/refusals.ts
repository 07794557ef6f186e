import { type Clock, stopwatch } from '../core/clock.ts';

/** The Secret that a namespace does not accept. */
export interface SyncTarget {
  readonly namespace: string;
  /** Of the pull secret. */
  readonly name: string;
}

type Fix = (target: SyncTarget) => string;

/**
 * Causes for which a namespace rejects the Secret until a user changes something, as the API server and the operator
 * report them, with the fix. The first match counts.
 */
const refusals: readonly (readonly [RegExp, Fix])[] = [
  [/exceeded quota/, ({ namespace }) => `Raise the quota: kubectl -n ${namespace} describe quota`],
  [
    /(field|secret|target) is immutable/,
    ({ namespace, name }) =>
      `Delete the Secret; the operator creates a new one: kubectl -n ${namespace} delete secret ${name}`,
  ],
  [
    /because it is being terminated/,
    ({ namespace }) =>
      `Find out what blocks the deletion of the namespace: kubectl get namespace ${namespace} -o yaml`,
  ],
  [
    /owned by another ExternalSecret|already exists in namespace/,
    ({ namespace }) => `Delete the other ExternalSecret: kubectl -n ${namespace} get externalsecrets`,
  ],
  [/denied (the )?request/, () => 'Change the webhook or admission policy that denies the request'],
  [
    /is forbidden: User /,
    ({ namespace }) =>
      `Grant the operator this permission: kubectl auth can-i create secrets -n ${namespace} --as system:serviceaccount:external-secrets:external-secrets`,
  ],
  [
    /is forbidden: /,
    ({ namespace }) => `Change the policy that forbids it: kubectl describe namespace ${namespace}`,
  ],
];

/** A quota rejects everything for a moment, until its usage has been counted. */
const transient = /status unknown for quota/;

/** How to fix the cause of a rejection; undefined when waiting can help. */
export function fixOf(why: string, target: SyncTarget): string | undefined {
  if (transient.test(why)) return undefined;
  const [, fix] = refusals.find(([pattern]) => pattern.test(why)) ?? [];
  return (
    fix && `${fix(target)}. Or exclude the namespace: add "- ${target.namespace}" to namespaces.exclude.`
  );
}

/** After this time an unchanged refusal counts as new: the API server drops events that repeat too often. */
const maxEventDelayMs = 15_000;

interface Retry {
  /** What the operator reported before the retry. */
  readonly evidence: string;
  /** Milliseconds since the retry. */
  readonly ageMs: () => number;
}

/**
 * Distinguishes current refusals from outdated ones. The operator waits up to 1000 s before it retries, and until then
 * reports a cause that may be fixed already. So callers force a retry and record it here.
 */
export class Refusals {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retries = new Map<string, Retry>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Records a forced retry and what the operator reported before it. */
  recordRetry(member: string, evidence: string): void {
    this.#retries.set(member, { evidence, ageMs: stopwatch(this.#clock) });
  }

  /** Whether the operator reported the refusal after the retry; undefined when no retry was forced. */
  isConfirmed(member: string, evidence: string): boolean | undefined {
    const retry = this.#retries.get(member);
    return retry && (retry.evidence !== evidence || retry.ageMs() >= maxEventDelayMs);
  }
}
