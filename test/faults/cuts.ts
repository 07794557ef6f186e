import type { Call } from '../../sandbox/faults.ts';
import { cutOff, moments } from '../support/cut-off.ts';
import { sampleEvery } from '../support/sample.ts';
import { describeCall, endsOfStretches, type Point, writesOf } from './points.ts';

/**
 * Every point at which a run with these requests can be interrupted. A sample omits those in the middle of equal
 * requests.
 */
export function cutsOf(calls: readonly Call[]): Point[] {
  const writes = writesOf(calls);
  return (sampleEvery > 1 ? endsOfStretches(writes) : writes).flatMap(({ call, at }) =>
    moments.map((when) => ({
      name: `${when} ${at}: ${describeCall(call)}`,
      arm: ({ faults }) => cutOff(faults, at, when),
    })),
  );
}
