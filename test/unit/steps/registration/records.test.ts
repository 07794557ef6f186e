import { expect, it } from 'vitest';
import { fullBecauseOfTags, recordTag } from '../../../../src/steps/registration/records.ts';

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

it('has room for a cluster as long as AWS allows another tag', () => {
  expect(fullBecauseOfTags('secret', clusters(47), 'new')).toBeUndefined();
  expect(fullBecauseOfTags('secret', clusters(48), 'new')).toMatchObject({
    why: expect.stringContaining('48 are registered') as string,
    hint: expect.stringContaining('--tag-keys ecr-bootstrap:cluster/cluster-0') as string,
  });
});

it('has room for a cluster that is registered already', () => {
  expect(fullBecauseOfTags('secret', clusters(48), 'cluster-7')).toBeUndefined();
});
