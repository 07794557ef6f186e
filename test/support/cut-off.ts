import type { Faults } from '../../sandbox/faults.ts';

/**
 * When a run is cut off at one of its writing requests: before it takes effect, after it did with its answer lost, or
 * after its answer.
 */
export const moments = ['before', 'lost', 'after'] as const;

export type Moment = (typeof moments)[number];

/**
 * Cuts off what runs at a writing request, counted from 1. From then on every request fails, so that no clean-up code
 * can help: a process that is killed runs none.
 * @returns the way to take it back, which tells at which of all calls it happened, 0 for none
 */
export function cutOff(faults: Faults, at: number, when: Moment): () => number {
  let seen = 0;
  let happened = 0;
  const planned: (() => void)[] = [];
  const stopCounting = faults.onCall((call) => {
    if (!call.writes) return;
    seen += 1;
    if (seen !== at) return;
    happened = faults.calls.length;
    // Faults are met after this listener, by the very call that is counted here too.
    if (when === 'lost') planned.push(faults.plan({ kind: 'lost', to: 1 }));
    planned.push(faults.plan({ kind: 'reset', from: when === 'before' ? 1 : 2 }));
  });
  return () => {
    stopCounting();
    for (const takeBack of planned) takeBack();
    return happened;
  };
}
