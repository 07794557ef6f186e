import { expect, it } from 'vitest';
import { readOptions } from '../../../bench/mirror/options.ts';

const read = (...args: string[]) => {
  const options = readOptions(args);
  if (options === 'help') throw new Error('expected options');
  return options;
};

const names = (...args: string[]) =>
  read(...args).settings.map(({ set, transport, roundTripMs }) => `${set} ${transport} ${roundTripMs}`);

it('plans by default what has targets: all sets far away, and the largest also over TLS', () => {
  expect(names()).toEqual(['A http 40', 'B http 40', 'C http 40', 'D http 40', 'C https 40']);
  expect(read().settings.every(({ repetitions }) => repetitions === 3)).toBe(true);
});

it.each([
  [
    ['--tls', '--set', 'A,D'],
    ['A https 40', 'D https 40'],
  ],
  [
    ['--set', 'C', '--rtt', '0'],
    ['C http 0', 'C https 0'],
  ],
  [
    ['--set', 'A', '--rtt', '0,40'],
    ['A http 0', 'A http 40'],
  ],
])('plans for %j exactly what was requested', (args, expected) => {
  expect(names(...args)).toEqual(expected);
});

it('includes tools on a Docker engine for set A only, and everywhere when they are named', () => {
  const withLoop = (...args: string[]) =>
    read(...args).settings.filter(({ tools }) => tools.includes('loop')).length;
  expect([withLoop(), withLoop('--tls'), withLoop('--tools', 'loop')]).toEqual([1, 0, 5]);
});

it('takes another checkout as a tool, and refuses what is none', () => {
  const [setting] = read('--set', 'A', '--tools', 'registry,registry:.').settings;
  expect(setting?.tools).toEqual(['registry', `registry:${process.cwd()}`]);
  expect(() => read('--tools', 'registry:/nowhere')).toThrow('/nowhere has no bench/mirror/engine.ts');
  expect(() => read('--tools', 'curl')).toThrow('unknown tool curl');
});

it.each([[['--quick']], [['--tools', 'registry']]])('keeps published results when run with %j', (args) => {
  expect([read().out, read(...args).out]).toEqual(['bench/results', undefined]);
});
