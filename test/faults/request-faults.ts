import type { Call, FaultKind } from '../../sandbox/faults.ts';
import type { Point } from './points.ts';

/** Milliseconds until a request without a response times out, instead of minutes. */
const requestTimeoutMs = 1000;

/** What can happen to a single request. For a request that changes nothing, `lost` equals `reset`. */
const kinds: readonly FaultKind[] = ['throttle', 'error', 'reset', 'timeout', 'lost'];

/** The first and the last call of each operation of each service, with every fault that can happen to it. */
export const requestFaultsOf = (calls: readonly Call[]): Point[] =>
  occurrences(calls).flatMap((occurrence) =>
    kindsOf(occurrence.call).map((kind) => requestFault(kind, occurrence)),
  );

/** The first request of each operation, once denied and once with a lost response. */
export function denialsOf(calls: readonly Call[]): Point[] {
  const first = occurrences(calls).filter(({ at }) => at === 1);
  // One kind after the other, so that a sample has both.
  return (['deny', 'lost'] as const).flatMap((kind) =>
    first.map((occurrence) => requestFault(kind, occurrence)),
  );
}

function requestFault(kind: FaultKind, { call, at, of }: Occurrence): Point {
  const { service, operation } = call;
  return {
    name: `${kind} at ${service} ${operation}, ${at} of ${of}`,
    // An unresponsive cluster ends the run after one timeout of a minute. So does a denial.
    ...((kind === 'timeout' && service === 'kubernetes') || kind === 'deny'
      ? {}
      : { together: { kind, operation: `${service} ${operation}` } }),
    ...(kind === 'timeout' ? { requestTimeoutMs } : {}),
    arm: ({ faults }) => faults.plan({ kind, service, operation, from: at, to: at }),
    in: (calls) => {
      const now = calls.filter((other) => other.service === service && other.operation === operation).length;
      return now > 0 && now < of ? requestFault(kind, { call, at: Math.min(at, now), of: now }) : undefined;
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
