import { describe, expect, it } from 'vitest';
import { adoptedTags, awsTags, isCreatedHere, ownershipOf } from '../../../src/iam/tags.ts';
import { configOf } from '../../support/aws.ts';

const wanted = awsTags(configOf());
const project = 'ecr-bootstrap:project';
const region = 'ecr-bootstrap:region';

describe('an AWS resource', () => {
  it.each([
    ['managed', 'has the tags of this project and region', wanted],
    ['managed', 'has other tags too', { ...wanted, team: 'web' }],
    ['other-project', 'is tagged for another project', { ...wanted, [project]: 'theirs' }],
    ['other-project', 'is tagged for another region', { ...wanted, [region]: 'us-east-1' }],
    ['other-project', 'has only the tag of the project', { [project]: 'myproject' }],
    ['unmanaged', 'has none of the tags', { team: 'web' }],
  ] as const)('belongs to %j when it %s', (owner, _, tags) => {
    expect(ownershipOf(tags, wanted)).toBe(owner);
  });

  it('counts as created by ecr-bootstrap only if it was not adopted', () => {
    expect(isCreatedHere(wanted, wanted)).toBe(true);
    expect(isCreatedHere(adoptedTags(wanted), wanted)).toBe(false);
  });
});
