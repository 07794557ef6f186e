import type { Call, FaultKind } from '../../sandbox/faults.ts';
import type { Point } from './points.ts';

/** Milliseconds until a request that is never answered is given up, in place of minutes. */
const patience = 1000;

/** What happens to a single request; `lost` is the same as `reset` for one that changes nothing. */
const kinds: readonly FaultKind[] = ['throttle', 'error', 'reset', 'timeout', 'lost'];

/** Each operation of each service, its first and its last occurrence, with all that can happen to it. */
export const spoilsOf = (calls: readonly Call[]): Point[] =>
  occurrences(calls).flatMap((occurrence) => kindsOf(occurrence.call).map((kind) => spoil(kind, occurrence)));

/** The first request of each operation, denied, and with its answer lost. */
export const denialsOf = (calls: readonly Call[]): Point[] =>
  occurrences(calls)
    .filter(({ at }) => at === 1)
    .flatMap((occurrence) => (['deny', 'lost'] as const).map((kind) => spoil(kind, occurrence)));

function spoil(kind: FaultKind, { call, at, of }: Occurrence): Point {
  const { service, operation } = call;
  return {
    name: `${kind} at ${service} ${operation}, ${at} of ${of}`,
    // The cluster's silence is waited for once, for a minute: the run ends. So does a denial.
    ...((kind === 'timeout' && service === 'kubernetes') || kind === 'deny'
      ? {}
      : { together: { kind, operation: `${service} ${operation}` } }),
    ...(kind === 'timeout' ? { patience } : {}),
    arm: ({ faults }) => faults.plan({ kind, service, operation, from: at, to: at }),
    in: (calls) => {
      const now = calls.filter((other) => other.service === service && other.operation === operation).length;
      return now > 0 && now < of ? spoil(kind, { call, at: Math.min(at, now), of: now }) : undefined;
    },
  };
}

const kindsOf = (call: Call): FaultKind[] => kinds.filter((kind) => kind !== 'lost' || call.writes);

interface Occurrence {
  readonly call: Call;
  readonly at: number;
  readonly of: number;
}

function occurrences(calls: readonly Call[]): Occurrence[] {
  const counts = new Map<string, { call: Call; count: number }>();
  for (const call of calls) {
    const key = `${call.service} ${call.operation}`;
    counts.set(key, { call, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].flatMap(({ call, count }) =>
    [...new Set([1, count])].map((at) => ({ call, at, of: count })),
  );
}
