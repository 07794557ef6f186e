import { expect, it } from 'vitest';
import { goDuration, quantity } from '../../../src/cluster/quantity.ts';

it.each([
  ['1', '1000m'],
  ['1Gi', '1073741824'],
  ['1.5k', '1500'],
  ['2e3', '2k'],
  ['0.5', '500m'],
  ['0.7', '700m'],
  ['4.7', '4700m'],
  ['0.07', '70m'],
  ['1.005', '1005m'],
  ['2.3Gi', '2469606195200m'],
  ['.5', '500m'],
  ['+1', '1'],
  ['1Gi', '1024Mi'],
  ['1n', '0.000000001'],
  ['12e-1', '1200m'],
  ['1E', '1e18'],
])('treats the quantities %s and %s as equal', (one, other) => {
  expect(quantity(one)).toBe(quantity(other));
});

it.each([
  ['0.7', '701m'],
  ['1', '-1'],
  ['9007199254740993', '9007199254740992'],
  ['1G', '1Gi'],
])('treats the quantities %s and %s as different', (one, other) => {
  expect(quantity(one)).not.toBe(quantity(other));
});

it('returns undefined for text that is not a quantity', () => {
  expect([quantity('latest'), quantity('1Xi'), quantity('')]).toEqual([undefined, undefined, undefined]);
});

it.each([
  ['1h', '1h0m0s'],
  ['60m', '1h'],
  ['90s', '1m30s'],
  ['0', '0s'],
])('treats the durations %s and %s as equal', (one, other) => {
  expect(goDuration(one)).toBe(goDuration(other));
});

it('returns undefined for text that is not a duration', () => {
  expect([goDuration('soon'), goDuration(''), goDuration('1d')]).toEqual([undefined, undefined, undefined]);
});
