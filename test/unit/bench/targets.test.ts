import { expect, it } from 'vitest';
import { ecrFloorSeconds, fewestRequests, imageSet, type SetName } from '../../../bench/mirror/images.ts';
import { type Comparison, rowsOf, type Sample } from '../../../bench/mirror/results.ts';
import { figures } from '../../../bench/mirror/table.ts';
import { targetsOf } from '../../../bench/mirror/targets.ts';

const sample = {
  ...({ tool: 'registry', phase: 'cold', seconds: 2, cpuSeconds: 1, peakMemoryBytes: 100e6 } as const),
  ...({ attempts: 1, requests: 9, sourceBytes: 1000 } as const),
};

const compared = (set: SetName, samples: readonly Sample[]): Comparison => ({
  ...{ measuredAt: '', machine: '', versions: {}, set, title: '', uniqueBytes: 1000, ecrFloorSeconds: 0 },
  ...{ fewestRequests: { cold: 9, warm: 2 }, samples },
});

const judged = (comparison: Comparison, all = [comparison]) =>
  targetsOf(comparison, all).map(({ phase, measured, isMet }) => [phase, measured, isMet]);

it('counts a shared layer once as a copy and then as one mount', () => {
  // 20 images of 3 + 3 × 4 requests, of which 19 mount the base by one request instead of three.
  expect(fewestRequests(imageSet('A', false))).toEqual({ cold: 20 * (3 + 3 * 4) - 19 * 2, warm: 40 });
});

it('counts each manifest of an index, which is read and written by its digest', () => {
  expect(fewestRequests(imageSet('D', false))).toEqual({ cold: 10 * (1 + 2 * 6 + 5 * 3 * 3), warm: 20 });
});

it.each([
  ['A', 2],
  ['B', 20],
  ['C', 0.1],
  ['D', 6],
  ['B-429', 20],
] as const)('takes set %s at least %f seconds at ten manifests per second', (name, seconds) => {
  expect(ecrFloorSeconds(imageSet(name, false))).toBe(seconds);
});

it('copies the same images under all conditions', () => {
  expect(imageSet('A-no-mounts', false)).toMatchObject({
    images: imageSet('A', false).images,
    title: '20 images on one base, mounts refused',
    refusesMounts: true,
  });
  expect(imageSet('A-100mbit', false).sourceBytesPerSecond).toBe(12_500_000);
});

it('reports a target as missed for too little speed, too many requests, bytes, or one peak of memory', () => {
  const comparison = compared('A', [
    sample,
    { ...sample, peakMemoryBytes: 151e6 },
    { ...sample, requests: 11, seconds: 3, sourceBytes: 1101 },
    { ...sample, tool: 'skopeo', seconds: 4.9, requests: 30 },
    { ...sample, phase: 'warm', requests: 2, seconds: 1, sourceBytes: 0 },
    { ...sample, phase: 'warm', tool: 'skopeo', requests: 30 },
  ]);
  expect(judged(comparison)).toEqual([
    ['cold', '2.45 times', false],
    ['cold', '1.00 times', true],
    ['cold', '9', true],
    ['cold', '151 MB', false],
    ['cold', '1.00', true],
    ['warm', '2.00 times', true],
    ['warm', '2', true],
    ['warm', '100 MB', true],
  ]);
  const wasteful = compared('A', [{ ...sample, sourceBytes: 1101, requests: 10 }]);
  expect(judged(wasteful).slice(0, 2)).toEqual([
    ['cold', '1.10 times', false],
    ['cold', '10', false],
  ]);
});

it('allows one large image a tenth more than the fastest peer takes', () => {
  const isMet = (seconds: number) =>
    targetsOf(
      compared('C', [
        { ...sample, seconds },
        { ...sample, tool: 'crane', seconds: 10 },
      ]),
      [],
    )[0]?.isMet;
  expect([isMet(10.9), isMet(11.1)]).toEqual([true, false]);
});

it('compares a set with refused requests with the same set without, and judges no requests', () => {
  const plain = compared('A', [sample, { ...sample, tool: 'crane' }]);
  const refused = (seconds: number) =>
    compared('A-429', [
      { ...sample, seconds, requests: 99 },
      { ...sample, tool: 'crane', seconds: 8, attempts: 3, sourceBytes: 2500 },
    ]);
  const [quick, slow] = [refused(2.5), refused(2.52)];
  expect(judged(quick, [plain, quick])).toEqual([
    ['cold', '1.25 times', true],
    ['cold', '1.00 times', true],
    ['cold', '100 MB', true],
  ]);
  expect(judged(slow, [plain, slow])[0]).toEqual(['cold', '1.26 times', false]);
  expect(judged(quick, [quick])[0]).toEqual(['cold', '1.00 times', true]);
  const printed = figures([plain, quick]);
  expect(printed).toContain('| A-429 | ecr-bootstrap | 1.25 |\n| A-429 | crane × 8 | 4.00 |');
  expect(printed).toContain('| A-429 | cold | crane × 8 | 8.00 | 3.20 | 3 | 9 | 2.50 |');
});

it("prints ECR's rate beside sets of many manifests only", () => {
  const printed = figures([
    { ...compared('B', [sample]), title: '200 small images', ecrFloorSeconds: 20 },
    { ...compared('C', [sample]), title: 'one image', ecrFloorSeconds: 0.1 },
  ]);
  expect(printed).toContain('| B | 200 small images | at least 20 s |');
  expect(printed).toContain('| C | one image |  |');
});

it('compares builds run by run, so that load on the machine affects both of a pair', () => {
  const runs = (tool: Sample['tool'], ...seconds: number[]) =>
    seconds.map((one) => ({ ...sample, tool, seconds: one }));
  const comparison = compared('A', [...runs('registry', 1, 10, 2), ...runs('registry:/other', 2, 11, 3)]);
  expect(rowsOf(comparison, 'cold').map(({ tool, ratio }) => [tool, ratio])).toEqual([
    ['registry', { min: 1, median: 1, max: 1 }],
    ['registry:/other', { min: 1.1, median: 1.5, max: 2 }],
  ]);
});

it('allows a tenth more than the seconds of another build in the same rounds, and names it', () => {
  const against = (seconds: number, phase: Sample['phase'] = 'cold') =>
    compared('A', [
      { ...sample, phase, seconds },
      { ...sample, phase, tool: 'registry:abc1234', seconds: 2 },
    ]);
  expect(judged(against(2.18))[0]).toEqual(['cold', '1.09 times', true]);
  expect(judged(against(2.3))[0]).toEqual(['cold', '1.15 times', false]);
  expect(judged(against(2.3, 'warm'))[0]).toEqual(['warm', '1.15 times', false]);
  expect(figures([against(2)])).toContain('| A | cold | ecr-bootstrap abc1234 | 2.00 | 1.00 |');
});
