import { type Clock, stopwatch } from '../core/clock.ts';

/** Where the operator is refused a Secret. */
export interface SyncTarget {
  readonly namespace: string;
  /** Of the pull secret. */
  readonly name: string;
}

type Fix = (place: SyncTarget) => string;

/**
 * Why a namespace takes no Secret until someone changes something there, in the words of the API server and of the
 * operator, and how to fix it. The first that matches counts.
 */
const refusals: readonly (readonly [RegExp, Fix])[] = [
  [/exceeded quota/, ({ namespace }) => `Raise the quota: kubectl -n ${namespace} describe quota`],
  [
    /(field|secret|target) is immutable/,
    ({ namespace, name }) =>
      `Delete the Secret, the operator writes a new one: kubectl -n ${namespace} delete secret ${name}`,
  ],
  [
    /because it is being terminated/,
    ({ namespace }) => `See what keeps the namespace: kubectl get namespace ${namespace} -o yaml`,
  ],
  [
    /owned by another ExternalSecret|already exists in namespace/,
    ({ namespace }) => `Remove the other ExternalSecret: kubectl -n ${namespace} get externalsecrets`,
  ],
  [/denied (the )?request/, () => 'Change the webhook or admission policy that denies it'],
  [
    /is forbidden: User /,
    ({ namespace }) =>
      `Allow it to the operator: kubectl auth can-i create secrets -n ${namespace} --as system:serviceaccount:external-secrets:external-secrets`,
  ],
  [/is forbidden: /, ({ namespace }) => `Change what forbids it: kubectl describe namespace ${namespace}`],
];

/** Quotas whose use is not counted yet refuse everything, for a moment. */
const passing = /status unknown for quota/;

/** How to fix what refuses a Secret; undefined when waiting can help. */
export function fixOf(why: string, place: SyncTarget): string | undefined {
  if (passing.test(why)) return undefined;
  const [, fix] = refusals.find(([pattern]) => pattern.test(why)) ?? [];
  return (
    fix && `${fix(place)}. Or leave the namespace out: add "- ${place.namespace}" to namespaces.exclude.`
  );
}

/** Milliseconds after which an old refusal is believed: the API server drops events that repeat too often. */
const settled = 15_000;

interface Asked {
  readonly evidence: string;
  /** Milliseconds since then. */
  readonly age: () => number;
}

/**
 * Distinguishes refusals that hold from those of before the last change: the operator waits up to 1000 s before it tries
 * again, and until then reports what may be fixed already. It has to be made to try again, by whoever asks.
 */
export class Refusals {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #asked = new Map<string, Asked>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Notes what was seen when the operator was made to try again. */
  ask(member: string, evidence: string): void {
    this.#asked.set(member, { evidence, age: stopwatch(this.#clock) });
  }

  /** Undefined while the operator was not made to try again. */
  isConfirmed(member: string, evidence: string): boolean | undefined {
    const asked = this.#asked.get(member);
    return asked && (asked.evidence !== evidence || asked.age() >= settled);
  }
}
