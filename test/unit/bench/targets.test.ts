import { expect, test } from 'vitest';
import { bytesOf, floorOf } from '../../../bench/mirror/floor.ts';
import type { Comparison, Sample } from '../../../bench/mirror/results.ts';
import { imageSet } from '../../../bench/mirror/sets.ts';
import { targetsOf } from '../../../bench/mirror/targets.ts';

test('the floor counts a shared layer once whole and then as one mount', () => {
  // 20 images of 3 + 3 × 4 requests, of which 19 mount the base by one request instead of three.
  expect(floorOf(imageSet('A', false))).toEqual({ cold: 20 * (3 + 3 * 4) - 19 * 2, warm: 40 });
});

test('the floor of an index counts each child, which is looked up and put by its digest', () => {
  expect(floorOf(imageSet('D', false))).toEqual({ cold: 10 * (1 + 2 * 6 + 5 * 3 * 3), warm: 20 });
});

test('a set is as large as its different layers', () => {
  expect(bytesOf(imageSet('A', false))).toBe(150e6);
});

test('a target is missed by a peer that is too near, by one request too many, and by one peak of memory', () => {
  const own = { tool: 'registry', seconds: 2, cpuSeconds: 1, peakMemory: 100e6, requests: 9 } as const;
  const comparison = compared([
    { ...own, phase: 'cold' },
    { ...own, phase: 'cold', peakMemory: 151e6 },
    { ...own, phase: 'cold', requests: 11, seconds: 3 },
    { ...own, phase: 'cold', tool: 'skopeo', seconds: 5.9, requests: 30 },
    { ...own, phase: 'warm', requests: 2, seconds: 1 },
    { ...own, phase: 'warm', tool: 'skopeo', seconds: 2, requests: 30 },
  ]);
  const results = targetsOf(comparison).map(({ of, measured, isMet }) => [of, measured, isMet]);
  expect(results).toEqual([
    ['A cold, http', '2.95 times', false],
    ['A cold, http', '9', true],
    ['A cold, http', '151 MB', false],
    ['A cold, http', '1.00', true],
    ['A warm, http', '2.00 times', true],
    ['A warm, http', '2', true],
    ['A warm, http', '100 MB', true],
  ]);
});

test('one large image may take a tenth longer than with the fastest peer', () => {
  const sample = { phase: 'cold', cpuSeconds: 1, peakMemory: 1, requests: 1 } as const;
  const judged = (seconds: number) =>
    targetsOf({
      ...compared([
        { ...sample, tool: 'registry', seconds },
        { ...sample, tool: 'crane', seconds: 10 },
      ]),
      set: 'C',
    })[0]?.isMet;
  expect([judged(11), judged(11.1)]).toEqual([true, false]);
});

const compared = (samples: Sample[]): Comparison => ({
  ...{ measuredAt: '', machine: '', versions: {}, set: 'A', title: '', images: 1, bytes: 1e9 },
  ...{ floor: { cold: 9, warm: 2 }, transport: 'http', roundTrip: 40, samples },
});
