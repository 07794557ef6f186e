import { expect, test } from 'vitest';
import type { Profile } from '../../../../bench/mirror/profile/profile.ts';
import { report } from '../../../../bench/mirror/profile/report.ts';
import type { Comparison, Phase } from '../../../../bench/mirror/results.ts';
import { looked, made, ran } from './made.ts';

const record = ran({
  connections: [90],
  requests: [made(100)],
  load: [looked(0), looked(1000, { tool: 0.6, registries: 0.8, proxies: 0.2, idle: 0.3 })],
});
const run = { recordedSeconds: [1], plainSeconds: [0.98], record };
const profile: Profile = {
  ...{ measuredAt: '2026-01-01', machine: '', processors: 2, versions: {}, set: 'D', title: '' },
  ...{ roundTrip: 40, chain: { cold: 7, warm: 2 }, bare: { node: 0.05, recorder: 0.01 } },
  runs: { cold: run, warm: run },
};

/** The last paragraph of what is told of a phase. */
const verdict = (phase: Phase, ...comparisons: Comparison[]) =>
  report(profile, comparisons)
    .split(/^## /m)
    .find((section) => section.startsWith(phase))
    ?.trimEnd()
    .split('\n')
    .at(-1);

/** Compared with a peer that takes so many seconds. */
const beside = (seconds: number): Comparison => {
  const sample = { tool: 'crane', seconds, cpuSeconds: 0.5, peakMemory: 1, requests: 1 } as const;
  return {
    ...{ measuredAt: '', machine: '', versions: {}, set: 'D', title: '', images: 1, bytes: 1e9 },
    ...{ floor: { cold: 1, warm: 1 }, transport: 'http', roundTrip: 40 },
    samples: [
      { ...sample, phase: 'cold' },
      { ...sample, phase: 'warm' },
    ],
  };
};

test('it is told how much of the processors was idle, and how quiet the machine was', () => {
  expect(verdict('cold')).toBe(
    "Of the processors' time 15 % was idle and 5 % went to the rest of the machine.",
  );
});

test('a target is held against the CPU seconds that it leaves to a tool', () => {
  expect(verdict('cold', beside(2.1))).toContain(
    'leave a tool 0.40 CPU s; this one took 0.60, the leanest peer (crane) 0.50',
  );
});

test('a target that registries and proxies alone take longer than is told so', () => {
  expect(verdict('cold', beside(1.2))).toContain('alone take longer than the target');
});

test('targets of other sets do not count', () => {
  expect(verdict('warm', { ...beside(2), set: 'C' })).not.toContain('target');
});
