import { expect, it } from 'vitest';
import { fewestRequests, imageSet } from '../../../bench/mirror/images.ts';
import { type Comparison, rowsOf, type Sample } from '../../../bench/mirror/results.ts';
import { targetsOf } from '../../../bench/mirror/targets.ts';

it('counts a shared layer once as a copy and then as one mount', () => {
  // 20 images of 3 + 3 × 4 requests, of which 19 mount the base by one request instead of three.
  expect(fewestRequests(imageSet('A', false))).toEqual({ cold: 20 * (3 + 3 * 4) - 19 * 2, warm: 40 });
});

it('counts each manifest of an index, which is read and written by its digest', () => {
  expect(fewestRequests(imageSet('D', false))).toEqual({ cold: 10 * (1 + 2 * 6 + 5 * 3 * 3), warm: 20 });
});

it('reports a target as missed for too little speed, too many requests or one peak of memory', () => {
  const own = {
    ...({ tool: 'registry', seconds: 2, cpuSeconds: 1 } as const),
    ...{ peakMemoryBytes: 100e6, requests: 9 },
  } as const;
  const comparison = compared([
    { ...own, phase: 'cold' },
    { ...own, phase: 'cold', peakMemoryBytes: 151e6 },
    { ...own, phase: 'cold', requests: 11, seconds: 3 },
    { ...own, phase: 'cold', tool: 'skopeo', seconds: 5.9, requests: 30 },
    { ...own, phase: 'warm', requests: 2, seconds: 1 },
    { ...own, phase: 'warm', tool: 'skopeo', seconds: 2, requests: 30 },
  ]);
  const results = targetsOf(comparison).map(({ phase, measured, isMet }) => [phase, measured, isMet]);
  expect(results).toEqual([
    ['cold', '2.95 times', false],
    ['cold', '9', true],
    ['cold', '151 MB', false],
    ['cold', '1.00', true],
    ['warm', '2.00 times', true],
    ['warm', '2', true],
    ['warm', '100 MB', true],
  ]);
});

it('allows one large image a tenth more than the fastest peer takes', () => {
  const sample = {
    phase: 'cold',
    cpuSeconds: 1,
    peakMemoryBytes: 1,
    requests: 1,
  } as const;
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

it('compares builds run by run, so that load on the machine affects both of a pair', () => {
  const sample = {
    phase: 'warm',
    cpuSeconds: 1,
    peakMemoryBytes: 1,
    requests: 1,
  } as const;
  const runs = (tool: Sample['tool'], ...seconds: number[]) =>
    seconds.map((one) => ({ ...sample, tool, seconds: one }));
  const comparison = compared([...runs('registry', 1, 10, 2), ...runs('registry:/other', 2, 11, 3)]);
  expect(rowsOf(comparison, 'warm').map(({ tool, ratio }) => [tool, ratio])).toEqual([
    ['registry', { min: 1, median: 1, max: 1 }],
    ['registry:/other', { min: 1.1, median: 1.5, max: 2 }],
  ]);
});

const compared = (samples: Sample[]): Comparison => ({
  ...{ measuredAt: '', machine: '', versions: {}, set: 'A', title: '', transport: 'http' },
  ...{ fewestRequests: { cold: 9, warm: 2 }, samples },
});
