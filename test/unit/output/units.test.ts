import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, plural } from '../../../src/output/units.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1234, '1.2 kB'],
    [999_999, '1.0 MB'],
    [12_345_678, '12 MB'],
    [2_000_000_000, '2.0 GB'],
  ])('writes %d as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatDuration', () => {
  it.each([
    [420, '0.4s'],
    [61_000, '1m 1s'],
    [3_600_000, '1h'],
    [11 * 3_600_000 + 20 * 60_000, '11h 20m'],
    [90_000_000, '1d 1h'],
  ])('writes %d ms as %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));
});

describe('plural', () => {
  it('adds an s unless the count is one', () =>
    expect([plural(1, 'image'), plural(2, 'image')]).toEqual(['1 image', '2 images']));
});
