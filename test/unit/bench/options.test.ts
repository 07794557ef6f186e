import { expect, it } from 'vitest';
import { type SetName, setNames } from '../../../bench/mirror/images.ts';
import { readOptions } from '../../../bench/mirror/options.ts';
import { type Comparison, merged } from '../../../bench/mirror/results.ts';

const read = (...args: string[]) => {
  const options = readOptions(args);
  if (!options) throw new Error('expected options');
  return options;
};

it('plans by default all sets, with and without conditions, and all tools', () => {
  expect(read()).toMatchObject({
    sets: setNames,
    rounds: 3,
    tools: ['registry', 'crane', 'regctl', 'skopeo'],
  });
});

it('plans exactly the sets that were requested, and refuses an unknown one', () => {
  expect(read('--set', 'A-429,D').sets).toEqual(['A-429', 'D']);
  expect(() => read('--set', 'A-430')).toThrow('unknown set A-430');
});

it('takes another checkout as a tool, and refuses what is none', () => {
  const { tools } = read('--set', 'A', '--tools', 'registry,registry:.');
  expect(tools).toEqual(['registry', `registry:${process.cwd()}`]);
  expect(() => read('--tools', 'registry:/nowhere')).toThrow('/nowhere has no bench/mirror/engine.ts');
  expect(() => read('--tools', 'curl')).toThrow('unknown tool curl');
});

it.each([[['--quick']], [['--tools', 'registry']], [['--tools', 'registry,crane,skopeo,registry:.']]])(
  'keeps published results when run with %j',
  (args) => {
    expect([read().isPublished, read(...args).isPublished]).toEqual([true, false]);
  },
);

it('publishes another build beside all tools', () => {
  expect(read('--tools', 'registry,registry:.,crane,regctl,skopeo').isPublished).toBe(true);
});

it('publishes a selection of sets too, and keeps the earlier results of the others', () => {
  expect(read('--set', 'D').isPublished).toBe(true);
  const results = (set: SetName, title: string) => ({ set, title }) as Comparison;
  const published = [results('A', 'old'), results('D', 'old')];
  const all = merged(published, [results('D', 'new'), results('B', 'new')]);
  expect(all.map(({ set, title }) => `${set} ${title}`)).toEqual(['A old', 'B new', 'D new']);
});
