import { describe, expect, it } from 'vitest';
import { wantsColor, wantsUnicode } from '../../../src/output/style.ts';

describe('color', () => {
  it('is used on terminals only', () => {
    expect([wantsColor(true, 'auto', {}), wantsColor(false, 'auto', {})]).toEqual([true, false]);
  });

  it.each([
    ['NO_COLOR turns it off', { NO_COLOR: '1' }, true, false],
    ['an empty NO_COLOR has no effect', { NO_COLOR: '' }, true, true],
    ['FORCE_COLOR turns it on in a pipe', { FORCE_COLOR: '1' }, false, true],
    ['an empty FORCE_COLOR has no effect', { FORCE_COLOR: '' }, false, false],
    ['FORCE_COLOR=0 turns it off', { FORCE_COLOR: '0' }, true, false],
    ['FORCE_COLOR wins over NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, true, true],
    ['TERM=dumb turns it off', { TERM: 'dumb' }, true, false],
    ['a terminal without TERM has color', {}, true, true],
  ])('follows the environment: %s', (_, env, isTerminal, expected) => {
    expect(wantsColor(isTerminal, 'auto', env)).toBe(expected);
  });

  it('follows the flag before the environment', () => {
    expect(wantsColor(false, 'always', { NO_COLOR: '1', TERM: 'dumb' })).toBe(true);
    expect(wantsColor(true, 'never', { FORCE_COLOR: '1' })).toBe(false);
  });
});

describe('Unicode marks', () => {
  it.each([
    [{}, true],
    [{ LANG: 'en_US.UTF-8' }, true],
    [{ LANG: 'C.utf8' }, true],
    [{ LANG: 'C' }, false],
    [{ LANG: 'de_DE.ISO-8859-1' }, false],
    [{ LC_CTYPE: 'UTF-8', LANG: 'C' }, true],
    [{ LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' }, false],
    [{ LC_ALL: '', LANG: 'en_US.UTF-8' }, true],
    [{ TERM: 'linux', LANG: 'en_US.UTF-8' }, false],
  ])('are used with %o: %s', (env, expected) => expect(wantsUnicode(env)).toBe(expected));
});
