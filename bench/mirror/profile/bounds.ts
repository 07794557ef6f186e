import { spentIn } from './busy.ts';
import { longestChain } from './chain.ts';
import type { RunRecord } from './record.ts';

/** Seconds that a run cannot have taken less than, for one reason. */
export interface Bound {
  readonly reason: string;
  readonly seconds: number;
}

export interface Circumstances {
  readonly processors: number;
  /** Milliseconds. */
  readonly roundTrip: number;
  /** Round trips that must follow each other. */
  readonly chain: number;
  /** Of Node with an empty program. */
  readonly bareSeconds: number;
}

/** What bounds a run from below, from its own figures. */
export function boundsOf(
  record: RunRecord,
  { processors, roundTrip, chain, bareSeconds }: Circumstances,
): Bound[] {
  const { tool, registries, proxies } = spentIn(record.load);
  const shared = (cpuSeconds: number) => `${cpuSeconds.toFixed(2)} CPU s on ${processors} processors`;
  const trips = (count: number) => bareSeconds + (count * roundTrip) / 1000;
  const followed = 1 + longestChain(record.requests);
  return [
    {
      reason: `Node with an empty program, and the ${chain} round trips that must follow each other`,
      seconds: trips(chain),
    },
    {
      reason: `Node with an empty program, and ${followed} round trips: a connection, and the longest chain of requests that followed each other here`,
      seconds: trips(followed),
    },
    {
      reason: `registries and proxies: ${shared(registries + proxies)}`,
      seconds: (registries + proxies) / processors,
    },
    {
      reason: `registries, proxies and tool: ${shared(registries + proxies + tool)}`,
      seconds: (registries + proxies + tool) / processors,
    },
  ];
}

/**
 * CPU seconds that are left to a tool that wants to be done in `seconds`, if registries and proxies take what they took
 * here and no processor ever waits. Negative when they alone take longer.
 */
export function leftForTool(record: RunRecord, seconds: number, processors: number): number {
  const { registries, proxies } = spentIn(record.load);
  return seconds * processors - registries - proxies;
}
