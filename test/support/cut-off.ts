import type { Faults } from '../../sandbox/faults.ts';

/**
 * When a run is interrupted at a writing request: before the request takes effect, after it takes effect but with
 * a lost response, or after its response.
 */
export const moments = ['before', 'lost', 'after'] as const;

export type Moment = (typeof moments)[number];

/**
 * Interrupts a run at its n-th writing request, counted from 1. Every later request fails, so that no cleanup code
 * can help, as in a killed process.
 * @returns a function that ends this, and returns the number of the call at which it occurred, or 0
 */
export function cutOff(faults: Faults, at: number, when: Moment): () => number {
  let count = 0;
  let happened = 0;
  const planned: (() => void)[] = [];
  const stopCounting = faults.onCall((call) => {
    if (!call.writes) return;
    count += 1;
    if (count !== at) return;
    happened = faults.calls.length;
    // This listener runs before faults apply, and the fault counts the current call too.
    if (when === 'lost') planned.push(faults.plan({ kind: 'lost', to: 1 }));
    planned.push(faults.plan({ kind: 'reset', from: when === 'before' ? 1 : 2 }));
  });
  return () => {
    stopCounting();
    for (const undo of planned) undo();
    return happened;
  };
}
