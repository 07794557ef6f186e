import { describe, expect, it } from 'vitest';
import type { WantedImage } from '../../../../src/images/wanted.ts';
import { lifecycleRisk } from '../../../../src/mirror/repositories/lifecycle.ts';

const image = (tag: string): WantedImage => ({
  source: `docker.io/library/nginx${tag.includes(':') ? '@' : ':'}${tag}`,
  repository: 'shop/docker.io/library/nginx',
  tag,
  wantedBy: [],
});
const digest = `sha256:${'a'.repeat(64)}`;
const inUse = [image('1.27'), image('1.28'), image('v2-alpine'), image(digest)];

type Fields = Readonly<Record<string, unknown>>;
const rule = (selection: Fields, action: Fields = { type: 'expire' }, priority = 1) => ({
  rulePriority: priority,
  selection,
  action,
});
const days = { countUnit: 'days', countNumber: 14 };
const pushed = { countType: 'sinceImagePushed', ...days };
const pulled = { countType: 'sinceImagePulled', ...days };
const count = (countNumber: number) => ({ countType: 'imageCountMoreThan', countNumber });
const archive = { type: 'transition', targetStorageClass: 'archive' };
const riskOf = (...rules: unknown[]) => lifecycleRisk({ rules }, inUse);
const tagsAtRisk = (...rules: unknown[]) => riskOf(...rules).images.map(({ tag }) => tag);

describe('the images in use that a lifecycle policy can remove', () => {
  const all = inUse.map(({ tag }) => tag);
  it.each<[string, readonly unknown[], readonly string[]]>([
    ['any image by age', [rule({ tagStatus: 'any', ...pushed })], all],
    ['any image that was not pulled', [rule({ tagStatus: 'any', ...pulled }, archive)], all],
    ['more images than it keeps', [rule({ tagStatus: 'any', ...count(3) })], all],
    ['no image while it keeps as many', [rule({ tagStatus: 'any', ...count(4) })], []],
    ['an image that is stored only by its digest', [rule({ tagStatus: 'untagged', ...pushed })], [digest]],
    ['no more than one untagged image', [rule({ tagStatus: 'untagged', ...count(1) })], []],
    [
      'tags with a prefix',
      [rule({ tagStatus: 'tagged', tagPrefixList: ['1.'], ...pushed })],
      ['1.27', '1.28'],
    ],
    [
      'tags of a pattern',
      [rule({ tagStatus: 'tagged', tagPatternList: ['*-alp*'], ...pushed })],
      ['v2-alpine'],
    ],
    ['a dot in a pattern', [rule({ tagStatus: 'tagged', tagPatternList: ['1.2'], ...pushed })], []],
    ['other tags', [rule({ tagStatus: 'tagged', tagPrefixList: ['dev'], ...pushed })], []],
    [
      'what may have both tags',
      [rule({ tagStatus: 'tagged', tagPrefixList: ['1', 'dev'], ...pushed })],
      ['1.27', '1.28'],
    ],
    [
      'archived images only',
      [rule({ tagStatus: 'any', storageClass: 'archive', countType: 'sinceImageTransitioned', ...days })],
      [],
    ],
    [
      'tags that a rule with a higher priority keeps',
      [
        rule({ tagStatus: 'any', ...pushed }, { type: 'expire' }, 9),
        rule({ tagStatus: 'tagged', tagPrefixList: ['1.'], ...count(9999) }),
      ],
      ['v2-alpine', digest],
    ],
    ['nothing without rules', [], []],
  ])('%s', (_, rules, tags) => {
    expect(tagsAtRisk(...rules)).toEqual(tags);
    expect(riskOf(...rules).unclear).toEqual([]);
  });

  it('describes the rules as text', () => {
    const { rules } = riskOf(
      rule({ tagStatus: 'tagged', tagPrefixList: ['1.'], ...pulled }, archive, 2),
      rule({ tagStatus: 'any', ...count(1) }, { type: 'expire' }, 7),
    );
    expect(rules).toEqual([
      'rule 2 archives images 14 days after their last pull',
      'rule 7 expires all but 1 images',
    ]);
  });
});

describe('a lifecycle policy that cannot be judged', () => {
  it.each<[string, unknown]>([
    ['is not JSON', 'text'],
    ['has no rules', {}],
    ['has a rule that is not a mapping', { rules: [1] }],
    ['has no selection', { rules: [{ rulePriority: 1, action: { type: 'expire' } }] }],
    ['has a new action', { rules: [rule({ tagStatus: 'any', ...pushed }, { type: 'replicate' })] }],
    ['has a new tagStatus', { rules: [rule({ tagStatus: 'signed', ...pushed })] }],
    ['has a new countType', { rules: [rule({ tagStatus: 'any', countType: 'sinceScanned', ...days })] }],
    ['has a new countUnit', { rules: [rule({ tagStatus: 'any', ...pushed, countUnit: 'hours' })] }],
    ['has a new storage class', { rules: [rule({ tagStatus: 'any', ...pushed, storageClass: 'cold' })] }],
    ['has a new field', { rules: [rule({ tagStatus: 'any', ...pushed, artifactTypes: ['sbom'] })] }],
  ])('is reported when it %s', (_, policy) => {
    const { images, unclear } = lifecycleRisk(policy, inUse);
    expect(images).toEqual([]);
    expect(unclear).toHaveLength(1);
  });

  it('still names what its other rules can remove', () => {
    const { images, unclear } = lifecycleRisk(
      JSON.stringify({ rules: [rule({ tagStatus: 'signed' }), rule({ tagStatus: 'any', ...pushed })] }),
      inUse,
    );
    expect(images).toEqual(inUse);
    expect(unclear).toHaveLength(1);
  });
});
