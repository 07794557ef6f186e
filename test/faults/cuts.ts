import type { Call } from '../../src/sandbox/faults.ts';
import type { World } from '../../src/sandbox/world.ts';

/**
 * Where a run is cut off: at its n-th writing request, before it takes effect, after it did with its answer lost, or
 * after its answer. From then on every request fails, so that no clean-up code can help: a process that is killed
 * runs none.
 */
export interface Cut {
  readonly at: number;
  readonly when: 'before' | 'lost' | 'after';
}

export const moments: readonly Cut['when'][] = ['before', 'lost', 'after'];

/** Requests that change something, as they arrive. The lease is no part of what has to be put in order. */
export function recordWrites(world: World): Call[] {
  const writes: Call[] = [];
  world.faults.onCall((call) => {
    if (isCounted(call)) writes.push(call);
  });
  return writes;
}

const isCounted = ({ writes, operation }: Call): boolean => writes && !operation.endsWith(' leases');

/** Arms the cut; the result takes it away again, for the run that follows. */
export function armCut({ faults }: World, { at, when }: Cut): () => void {
  let seen = 0;
  const planned: (() => void)[] = [];
  const stopCounting = faults.onCall((call) => {
    if (!isCounted(call)) return;
    seen += 1;
    if (seen !== at) return;
    // Faults are met after this listener, by the very call that is counted here too.
    if (when === 'lost') planned.push(faults.plan({ kind: 'lost', to: 1 }));
    planned.push(faults.plan({ kind: 'reset', from: when === 'before' ? 1 : 2 }));
  });
  return () => {
    stopCounting();
    for (const takeBack of planned) takeBack();
  };
}

export const describeCall = ({ service, operation, resource = '' }: Call): string =>
  `${service} ${operation} ${resource}`.trim();
