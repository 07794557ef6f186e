import { expect, it } from 'vitest';
import {
  bestFor,
  platformCoverage,
  formatPlatform,
  parsePlatform,
  serves,
} from '../../../src/core/platform.ts';

const p = parsePlatform;

it.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/arm64', false],
  ['linux/amd64', 'linux/amd64/v3', false],
  ['linux/arm64', 'linux/arm64/v8', true],
  ['linux/arm64/v8', 'linux/arm64', true],
  ['linux/arm', 'linux/arm/v6', true],
  ['linux/arm/v6', 'linux/arm/v7', false],
  ['windows/amd64', 'linux/amd64', false],
  ['linux/s390x', 'linux/s390x', true],
])('whether a node of %s runs an image for %s is %s', (wanted, offered, expected) => {
  expect(serves(p(wanted), p(offered))).toBe(expected);
});

it('bestFor chooses the best variant and keeps all equal ones', () => {
  const images = ['linux/arm/v6', 'linux/arm/v7', 'linux/amd64'].map((text) => ({ text, platform: p(text) }));
  expect(bestFor(p('linux/arm'), images).map(({ text }) => text)).toEqual(['linux/arm/v7']);
  const twins = [{ platform: p('windows/amd64') }, { platform: p('windows/amd64') }, {}];
  expect(bestFor(p('windows/amd64'), twins)).toHaveLength(2);
});

it('formatPlatform omits the usual variant of arm64', () => {
  expect(formatPlatform(p('linux/arm64/v8'))).toBe('linux/arm64');
  expect(formatPlatform(p('linux/arm/v7'))).toBe('linux/arm/v7');
});

it.each([
  ['linux/x86_64', 'linux/amd64'],
  ['linux/AMD64', 'linux/amd64'],
  ['Linux/x86-64', 'linux/amd64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/i386', 'linux/386'],
  ['linux/i686', 'linux/386'],
  ['Windows/amd64', 'windows/amd64'],
  ['macos/arm64', 'darwin/arm64'],
])('reads %s as %s, like container runtimes', (text, expected) => {
  expect(formatPlatform(p(text))).toBe(expected);
});

it.each([
  ['linux/amd64', { os: 'Linux', architecture: 'x86_64' }],
  ['linux/amd64', { os: 'linux', architecture: 'AMD64' }],
  ['linux/arm64', { os: 'linux', architecture: 'aarch64', variant: 'V8' }],
  ['linux/arm/v7', { os: 'linux', architecture: 'armhf' }],
  ['linux/386', { os: 'linux', architecture: 'i386' }],
])('counts %s as served by an image that declares %o', (wanted, offered) => {
  expect(serves(p(wanted), offered)).toBe(true);
  expect(platformCoverage([wanted], [offered])).toEqual({ missing: [], isEnough: true });
});

it('compares operating systems without regard to case when it looks for missing platforms', () => {
  const offered = [{ os: 'Linux', architecture: 'x86_64' }];
  expect(platformCoverage({ anyOf: ['linux/amd64', 'linux/arm64', 'windows/amd64'] }, offered)).toEqual({
    missing: ['linux/arm64'],
    isEnough: true,
  });
});

it.each(['linux', 'linux/', 'linux/amd 64', 'linux/amd64/x8', 'linux/amd64/v8/x'])(
  'parsePlatform refuses %s',
  (text) => {
    expect(() => p(text)).toThrow(expect.objectContaining({ code: 'platform-unknown' }));
  },
);
