import type { Call } from '../../sandbox/faults.ts';
import { cutOff, moments } from '../support/cut-off.ts';
import { describeCall, type Point } from './points.ts';

/** Every point at which a run with these requests can be interrupted. */
export function cutsOf(calls: readonly Call[]): Point[] {
  const writes = calls.filter((call) => call.writes);
  return writes.flatMap((call, index) =>
    moments.map((when) => ({
      name: `${when} ${index + 1}: ${describeCall(call)}`,
      arm: ({ faults }) => cutOff(faults, index + 1, when),
    })),
  );
}
