import { describe, expect, it } from 'vitest';
import { globPattern, matchesAny } from '../../../src/core/globs.ts';

describe('a glob', () => {
  it.each([
    ['kube-*', 'kube-system', true],
    ['kube-*', 'kube-', true],
    ['kube-*', 'my-kube-system', false],
    ['team-?', 'team-1', true],
    ['team-?', 'team-10', false],
    ['shop/*', 'shop/web', true],
    ['shop*', 'shop/web', false],
    ['sh?p', 'sh/p', false],
    ['a.b', 'axb', false],
  ])('of the configuration: whether %s matches %s is %s', (glob, text, expected) => {
    expect(matchesAny([glob])(text)).toBe(expected);
  });

  it.each([
    ['Secret *', 'Secret external-secrets/puller', true],
    ['Secret *', 'ServiceAccount shop/default', false],
    ['Repository demo?web', 'Repository demo/web', true],
  ])('that matches slashes: whether %s matches %s is %s', (glob, text, expected) => {
    expect(matchesAny([glob], { matchSlash: true })(text)).toBe(expected);
  });

  it('matches nothing when there are no globs', () => {
    expect(matchesAny([])('shop')).toBe(false);
  });

  it('becomes an anchored pattern that CEL can evaluate', () => {
    expect(globPattern('kube-*')).toBe('^kube-[^/]*$');
  });
});
