import { expect, test } from 'vitest';
import { boundsOf, leftForTool } from '../../../../bench/mirror/profile/bounds.ts';
import { chainOf, longestChain } from '../../../../bench/mirror/profile/chain.ts';
import { imageSet } from '../../../../bench/mirror/sets.ts';
import { looked, made, ran } from './made.ts';

const record = ran({
  requests: [made(100), made(140), made(140)],
  load: [looked(0), looked(1000, { tool: 0.6, registries: 0.8, proxies: 0.2 })],
});

test('no run is faster than its round trips after Node, nor than its CPU seconds on all processors', () => {
  const circumstances = { processors: 2, roundTrip: 40, chain: 7, bareSeconds: 0.05 };
  const seconds = boundsOf(record, circumstances).map((bound) => bound.seconds);
  // Seven round trips; a connection and two requests; registries and proxies; these and the tool.
  expect(seconds).toEqual([0.33, 0.17, 0.5, 0.8].map((value) => expect.closeTo(value) as number));
});

test('a target leaves a tool what registries and proxies do not take of the processors', () => {
  expect(leftForTool(record, 0.7, 2)).toBeCloseTo(0.4);
  expect(leftForTool(record, 0.4, 2)).toBeLessThan(0);
});

test('requests follow each other when one was wanted after the other was answered', () => {
  expect(longestChain([made(0), made(39), made(40), made(10, { ended: 500 }), made(500)])).toBe(3);
});

test('the longest chain is found past a request that takes as long as several', () => {
  expect(longestChain([made(0, { ended: 200 }), made(0), made(50), made(100)])).toBe(3);
});

test('an index takes two round trips more than an image: for its children, and for itself', () => {
  expect([chainOf(imageSet('C', true)), chainOf(imageSet('D', true))]).toEqual([
    { cold: 5, warm: 2 },
    { cold: 7, warm: 2 },
  ]);
});
