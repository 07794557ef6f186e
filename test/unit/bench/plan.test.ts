import { expect, test } from 'vitest';
import { readOptions } from '../../../bench/mirror/options.ts';
import { planOf } from '../../../bench/mirror/plan.ts';

const plan = (...args: string[]) => {
  const options = readOptions(args);
  if (options === 'help') throw new Error('that is no plan');
  return planOf(options);
};

test('everything is planned: each set, plain and over TLS, near and far, and what has targets comes first', () => {
  const cells = plan();
  expect(new Set(cells.map(({ set, transport, roundTrip }) => `${set} ${transport} ${roundTrip}`)).size).toBe(
    16,
  );
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
  expect([withLoop(), withLoop('--rtt', '0'), withLoop('--tools', 'loop')]).toEqual([1, 0, 16]);
});
