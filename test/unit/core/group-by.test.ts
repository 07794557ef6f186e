import { expect, it } from 'vitest';
import { groupBy, tally } from '../../../src/core/group-by.ts';

it('keeps items with equal keys together, in the order in which they occur', () => {
  expect([...groupBy(['bb', 'a', 'cc', 'd'], ({ length }) => length)]).toEqual([
    [2, ['bb', 'cc']],
    [1, ['a', 'd']],
  ]);
});

it('counts texts, and lists the most frequent one first', () => {
  expect(tally(['a', 'b', 'c', 'b'])).toEqual([
    ['b', 2],
    ['a', 1],
    ['c', 1],
  ]);
});
