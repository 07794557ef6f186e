import { expect, test } from 'vitest';
import { areasOf } from '../../../../bench/mirror/profile/areas.ts';
import { looked, ran } from './made.ts';

const frame = { left: 0, bottom: 100, height: 100, x: (milliseconds: number) => milliseconds };

/** How high areas go, from the first to the last. */
const heights = (load: ReturnType<typeof looked>[]) =>
  areasOf(ran({ load }), 2, frame).map(({ path }) => {
    const ys = [...path.matchAll(/V([\d.-]+)/g)].map(([, y]) => 100 - Number(y));
    return Math.max(...ys);
  });

test('each lies on the one before, and what is left to the top was idle', () => {
  const load = [looked(0), looked(1000, { tool: 0.2, registries: 0.4, proxies: 0.1, idle: 1 })];
  expect(heights(load)).toEqual([10, 30, 35, 50]);
});

test('processors that looks at uneven times make too many are drawn within the frame', () => {
  const load = [looked(0), looked(1000, { tool: 0.9, registries: 0.9, proxies: 0.9 })];
  expect(heights(load)).toEqual([45, 90, 100, 100]);
});
