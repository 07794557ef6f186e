import { expect, test } from 'vitest';
import { readOptions } from '../../../bench/mirror/options.ts';
import { estimate, planOf } from '../../../bench/mirror/plan.ts';

const plan = (...args: string[]) => {
  const options = readOptions(args);
  if (options === 'help') throw new Error('that is no plan');
  return planOf(options);
};

const names = (cells: ReturnType<typeof plan>) =>
  cells.map(({ set, transport, roundTrip }) => `${set} ${transport} ${roundTrip}`);

test('what targets are about is planned: all sets far away, the largest also over TLS', () => {
  const cells = plan();
  expect(names(cells)).toEqual(['A http 40', 'B http 40', 'C http 40', 'D http 40', 'C https 40']);
  expect(cells.every(({ repetitions }) => repetitions === 3)).toBe(true);
  expect(estimate(cells, false)).toBeLessThan(20 * 60);
});

test.each([
  [
    ['--tls', '--set', 'A,D'],
    ['A https 40', 'D https 40'],
  ],
  [['--plain', '--set', 'C', '--rtt', '0'], ['C http 0']],
  [
    ['--plain', '--tls', '--set', 'A'],
    ['A http 40', 'A https 40'],
  ],
])('%j is what is asked for', (args, expected) => {
  expect(names(plan(...args))).toEqual(expected);
});

test('everything is planned when it is asked for: each set, plain and over TLS, near and far, and what has targets comes first', () => {
  const cells = plan('--full');
  expect(new Set(names(cells)).size).toBe(16);
  expect(cells.slice(0, 5).map(({ set, transport }) => `${set} ${transport}`)).toEqual([
    'A http',
    'B http',
    'C http',
    'D http',
    'C https',
  ]);
  expect(cells.map(({ repetitions }) => repetitions)).toEqual([
    ...Array<number>(8).fill(3),
    ...Array<number>(8).fill(1),
  ]);
});

test('tools on a Docker engine take part once, and everywhere when they are named', () => {
  const withLoop = (...args: string[]) => plan(...args).filter(({ tools }) => tools.includes('loop')).length;
  expect([withLoop(), withLoop('--rtt', '0'), withLoop('--full', '--tools', 'loop')]).toEqual([1, 0, 16]);
});
