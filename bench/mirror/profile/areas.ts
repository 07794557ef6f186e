import { type Busy, busyBetween } from './busy.ts';
import type { RunRecord } from './record.ts';

/** Where something is drawn. */
export interface Frame {
  readonly left: number;
  readonly bottom: number;
  readonly height: number;
  readonly x: (milliseconds: number) => number;
}

/** From the bottom to the top; above them is what was idle. */
const layers = ['tool', 'registries', 'proxies', 'rest'] as const satisfies readonly (keyof Busy)[];

/** Milliseconds for which the use of processors is told as one, at least: more in a slow run. */
const shortestBin = 25;
const mostBins = 60;

/** Who used the processors over time: areas one upon the other, which reach the top where nothing was idle. */
export function areasOf(
  { load, seconds }: RunRecord,
  processors: number,
  { bottom, height, x }: Frame,
): { readonly who: (typeof layers)[number]; readonly path: string }[] {
  const whole = seconds * 1000;
  const count = Math.max(1, Math.min(mostBins, Math.floor(whole / shortestBin)));
  const bins = Array.from({ length: count }, (_, bin) => {
    const [from, to] = [(bin * whole) / count, ((bin + 1) * whole) / count];
    const used = busyBetween(load, from, to, processors);
    const upTo = (some: readonly (keyof Busy)[]) => {
      const busy = some.reduce((sum, who) => sum + (used?.[who] ?? 0), 0);
      // Processes that are looked at one after the other may seem to have used a little more than there is.
      return (bottom - Math.min(1, busy / processors) * height).toFixed(1);
    };
    return { left: x(from).toFixed(1), right: x(to).toFixed(1), upTo };
  });
  return layers.map((who, index) => {
    const above = bins.map(({ right, upTo }) => `V${upTo(layers.slice(0, index + 1))}H${right}`);
    const below = bins.map(({ left, upTo }) => `V${upTo(layers.slice(0, index))}H${left}`).reverse();
    return { who, path: `M${x(0).toFixed(1)} ${bottom}${above.join('')}${below.join('')}Z` };
  });
}
