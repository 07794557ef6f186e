import { describe, expect, it } from 'vitest';
import {
  clusterLabel,
  fullBecauseOfTags,
  type VerificationStatus,
  recordsIn,
  recordTag,
} from '../../../../src/access-key/registration/records.ts';

const record = { id: 'uid', keyId: 'AKIAIOSFODNN7EXAMPLE', name: 'kubernetes-admin@prod', version: '0.1' };
const valueOf = (verification: VerificationStatus, name = record.name): string =>
  Object.values(recordTag({ ...record, name, verification }, 0))[0] ?? '';

describe('the registration of a cluster', () => {
  it.each<VerificationStatus>(['verified', 'unverified', 'first'])(
    'can be parsed from its tag: %s',
    (verification) => {
      expect(recordsIn(recordTag({ ...record, verification }, 0))).toEqual([
        { ...record, verification, since: '1970-01-01T00:00:00.000Z' },
      ]);
    },
  );

  it('has the format of version 0.1 once it is verified', () => {
    expect(valueOf('verified')).toMatch(/^AKIAIOSFODNN7EXAMPLE \S+ kubernetes-admin@prod 0\.1$/);
  });

  it.each<VerificationStatus>(['unverified', 'first'])(
    'names another key than the current one to version 0.1 while it is %s, so that its rotate waits',
    (verification) => {
      const [keyId, since, name] = valueOf(verification).split(' ');
      expect(keyId).not.toBe(record.keyId);
      expect([since, name]).toEqual(['1970-01-01T00:00:00.000Z', record.name]);
    },
  );

  it('counts as unverified when a later version wrote an unknown value', () => {
    expect(recordsIn({ 'ecr-bootstrap:cluster/uid': 'AKIA:other 2026-01-31 prod 9.9' })).toMatchObject([
      { keyId: 'AKIA', verification: 'unverified' },
    ]);
  });

  it('fits into a tag with allowed characters, even with the longest context name', () => {
    const value = valueOf('unverified', 'arn:aws:eks:eu-west-1:123456789012:cluster/ü'.padEnd(300, 'x'));
    expect(value.length).toBeLessThanOrEqual(255);
    expect(value).toMatch(/^[\w .:/=+@-]*$/);
  });

  it('is labeled as not verified', () => {
    const [unverified] = recordsIn(recordTag({ ...record, verification: 'first' }, 0));
    expect(unverified && clusterLabel(unverified)).toBe(
      'kubernetes-admin@prod (uid), not verified since 1970-01-01',
    );
  });

  it('has a label even if its tag was edited by hand', () => {
    const [changed] = recordsIn({ 'ecr-bootstrap:cluster/uid': '' });
    expect(changed && clusterLabel(changed)).toBe('without a name (uid), since an unknown time');
  });
});

const clusters = (count: number) =>
  Object.assign(
    { 'ecr-bootstrap:project': 'p', 'ecr-bootstrap:region': 'eu-west-1' },
    ...Array.from({ length: count }, (_, index) =>
      recordTag(
        { id: `cluster-${index}`, keyId: 'AKIA', name: `prod-${index}`, version: '0.2' },
        index * 1000,
      ),
    ),
  ) as Record<string, string>;

it('allows the registration of another cluster while AWS allows another tag', () => {
  expect(fullBecauseOfTags('secret', clusters(47), 'new')).toBeUndefined();
  expect(fullBecauseOfTags('secret', clusters(48), 'new')).toMatchObject({
    why: expect.stringContaining('48 are registered') as string,
    hint: expect.stringContaining('--tag-keys ecr-bootstrap:cluster/cluster-0') as string,
  });
});

it('allows the registration of a cluster that is already registered', () => {
  expect(fullBecauseOfTags('secret', clusters(48), 'cluster-7')).toBeUndefined();
});
