import { expect, it } from 'vitest';
import { readOptions } from '../../../bench/mirror/options.ts';

const read = (...args: string[]) => {
  const options = readOptions(args);
  if (!options) throw new Error('expected options');
  return options;
};

const names = (...args: string[]) =>
  read(...args).comparisons.map(({ set, transport }) => `${set} ${transport}`);

it('plans by default what has targets: all sets, and the largest also over TLS', () => {
  expect(names()).toEqual(['A http', 'B http', 'C http', 'C https', 'D http']);
  expect(read()).toMatchObject({ rounds: 3, tools: ['registry', 'crane', 'regctl', 'skopeo'] });
});

it.each([
  [
    ['--set', 'A,D'],
    ['A http', 'D http'],
  ],
  [
    ['--set', 'C'],
    ['C http', 'C https'],
  ],
])('plans for %j exactly what was requested', (args, expected) => {
  expect(names(...args)).toEqual(expected);
});

it('takes another checkout as a tool, and refuses what is none', () => {
  const { tools } = read('--set', 'A', '--tools', 'registry,registry:.');
  expect(tools).toEqual(['registry', `registry:${process.cwd()}`]);
  expect(() => read('--tools', 'registry:/nowhere')).toThrow('/nowhere has no bench/mirror/engine.ts');
  expect(() => read('--tools', 'curl')).toThrow('unknown tool curl');
});

it.each([[['--quick']], [['--tools', 'registry']], [['--set', 'A']]])(
  'keeps published results when run with %j',
  (args) => {
    expect([read().isPublished, read(...args).isPublished]).toEqual([true, false]);
  },
);
