import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/plan-digest.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Change } from '../../../src/core/step.ts';

const scope = { account: '123456789012', region: 'eu-west-1', server: 'https://prod:6443' };
const change = (name: string, more: Partial<Change> = {}): Change => ({
  action: 'update',
  target: { kind: 'Deployment', name },
  fields: [{ path: 'spec.replicas', from: 1, to: { b: 2, a: 1 } }],
  ...more,
});
const planOf = (...changes: readonly Change[]) => [{ step: { id: 'operator' }, changes }];
const digest = (...changes: readonly Change[]): string => digestOf(planOf(...changes), scope);

describe('the digest of a plan', () => {
  it('is a SHA-256 that does not depend on the order of changes or keys', () => {
    const reordered = change('a', { fields: [{ to: { a: 1, b: 2 }, path: 'spec.replicas', from: 1 }] });
    expect(digest(change('a'), change('b'))).toBe(digest(change('b'), reordered));
    expect(digest(change('a'))).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it.each<[string, Change]>([
    ['another action', change('a', { action: 'replace' })],
    ['another target', change('b')],
    ['another value', change('a', { fields: [{ path: 'spec.replicas', from: 1, to: 3 }] })],
    ['another reason', change('a', { reason: 'it drifted' })],
    ['an adoption', change('a', { adopts: { owner: 'Helm' } })],
  ])('differs for %s', (_, other) => {
    expect(digest(other)).not.toBe(digest(change('a')));
  });

  it('differs for another step, account, region or cluster', () => {
    const all = [
      digestOf([{ step: { id: 'images' }, changes: [change('a')] }], scope),
      ...['account', 'region', 'server'].map((part) =>
        digestOf(planOf(change('a')), { ...scope, [part]: 'other' }),
      ),
      digest(change('a')),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('covers neither times nor secret values nor steps without changes', () => {
    const at = (reason: string) => change('a', { reason: `last used ${reason}` });
    expect(digest(at('2026-01-02T03:04:05Z'))).toBe(digest(at('2026-11-29T03:04:05.123Z')));
    const secret = (value: string) => change('a', { fields: [{ path: 'data', to: new Secret(value) }] });
    expect(digest(secret('first-value'))).toBe(digest(secret('other-value')));
    const idle = { step: { id: 'images' }, changes: [] };
    expect(digestOf([idle, ...planOf(change('a'))], scope)).toBe(digest(change('a')));
  });
});
