import { expect, test } from 'vitest';
import { busyBetween, spentIn } from '../../../../bench/mirror/profile/busy.ts';
import { looked } from './made.ts';

const load = [
  looked(0),
  looked(20, { tool: 0.02, idle: 0.02 }),
  looked(40, { tool: 0.03, registries: 0.01, proxies: 0.005, idle: 0.02 }),
];

test('between two looks everybody worked evenly', () => {
  const busy = busyBetween(load, 10, 30, 2);
  expect(busy?.tool).toBeCloseTo(0.75);
  expect(busy?.registries).toBeCloseTo(0.25);
});

test('what was neither idle nor ours went to the rest of the machine', () => {
  const busy = busyBetween(load, 20, 40, 2);
  expect(busy?.idle).toBeCloseTo(0);
  expect(busy?.rest).toBeCloseTo(2 - 0.5 - 0.5 - 0.25);
});

test('all processors together are never more than there are, though idle time is told coarsely', () => {
  const coarse = [looked(0), looked(10, { tool: 0.01, registries: 0.008, idle: 0.01 })];
  const { tool, registries, proxies, rest, idle } = busyBetween(coarse, 0, 10, 2)!;
  expect(tool + registries + proxies + rest + idle).toBeCloseTo(2);
});

test('no time is no use of processors', () => {
  expect(busyBetween(load, 20, 20, 2)).toBeUndefined();
});

test('a run has spent what its last look saw', () => {
  expect(spentIn(load)).toEqual({ tool: 0.03, registries: 0.01, proxies: 0.005 });
});
