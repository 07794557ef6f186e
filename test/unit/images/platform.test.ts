import { expect, test } from 'vitest';
import { bestFor, formatPlatform, parsePlatform, serves } from '../../../src/images/platform.ts';

const p = parsePlatform;

test.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/arm64', false],
  ['linux/amd64', 'linux/amd64/v3', false],
  ['linux/arm64', 'linux/arm64/v8', true],
  ['linux/arm64/v8', 'linux/arm64', true],
  ['linux/arm', 'linux/arm/v6', true],
  ['linux/arm/v6', 'linux/arm/v7', false],
  ['windows/amd64', 'linux/amd64', false],
  ['linux/s390x', 'linux/s390x', true],
])('a node of %s and an image for %s: %s', (wanted, offered, expected) => {
  expect(serves(p(wanted), p(offered))).toBe(expected);
});

test('the best variant is chosen, and equals are all kept', () => {
  const images = ['linux/arm/v6', 'linux/arm/v7', 'linux/amd64'].map((text) => ({ text, platform: p(text) }));
  expect(bestFor(p('linux/arm'), images).map(({ text }) => text)).toEqual(['linux/arm/v7']);
  const twins = [{ platform: p('windows/amd64') }, { platform: p('windows/amd64') }, {}];
  expect(bestFor(p('windows/amd64'), twins)).toHaveLength(2);
});

test('the usual variant of arm64 is not written', () => {
  expect(formatPlatform(p('linux/arm64/v8'))).toBe('linux/arm64');
  expect(formatPlatform(p('linux/arm/v7'))).toBe('linux/arm/v7');
});

test.each(['linux', 'linux/', 'Linux/amd64', 'linux/amd64/8', 'linux/amd64/v8/x'])(
  '%s is no platform',
  (text) => {
    expect(() => p(text)).toThrow(expect.objectContaining({ code: 'platform-unknown' }));
  },
);
