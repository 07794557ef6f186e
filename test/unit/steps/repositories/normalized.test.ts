import { afterEach, describe, expect, it } from 'vitest';
import { isSameLifecycle } from '../../../../src/mirror/repositories/lifecycle-compare.ts';
import { repositories } from '../../../../src/steps/repositories.ts';
import { applyStep, planStep } from '../../../contract/step-contract.ts';
import { AwsWorld } from '../../../support/aws.ts';

const worlds: AwsWorld[] = [];
const start = async (settings: object = {}): Promise<AwsWorld> => {
  const world = await AwsWorld.start(settings);
  worlds.push(world);
  return world;
};
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

const own = 'myproject/external-secrets';
const held = (world: AwsWorld) => {
  const repository = world.sandbox.aws.registry.repositories.get(own);
  if (!repository) throw new Error('it was created');
  return repository;
};
const problems = (findings: readonly { level: string; code: string }[]) =>
  findings.filter(({ level }) => level !== 'ok').map(({ level, code }) => [level, code]);

describe('a repository', () => {
  it.each(['MUTABLE', 'IMMUTABLE'])(
    'keeps a tag mutability that the configuration does not know, and %s is not set on each run',
    async (tagMutability) => {
      const world = await start({ repositories: { tagMutability } });
      await applyStep(repositories, world);
      held(world).tagMutability = 'IMMUTABLE_WITH_EXCLUSION';
      const { changes, findings } = await planStep(repositories, world);
      expect(changes).toEqual([]);
      expect(findings).toMatchObject([{ level: 'ok', code: 'repository-setting' }]);
    },
  );

  const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
  it.each([id, 'alias/ecr', `arn:aws:kms:eu-west-1:123456789012:key/${id}`])(
    'that is encrypted with %s has no finding, although ECR answers with the ARN of the key',
    async (kmsKey) => {
      const world = await start({ repositories: { encryption: { type: 'KMS', kmsKey } } });
      await applyStep(repositories, world);
      expect(held(world).encryption.kmsKey).toMatch(/^arn:aws:kms:eu-west-1:123456789012:key\//);
      const { changes, findings } = await planStep(repositories, world);
      expect({ changes, problems: problems(findings) }).toEqual({ changes: [], problems: [] });
    },
  );

  it('that is encrypted with another key than configured is still a finding', async () => {
    const world = await start({ repositories: { encryption: { type: 'KMS', kmsKey: id } } });
    await applyStep(repositories, world);
    held(world).encryption = {
      encryptionType: 'KMS',
      kmsKey: `arn:aws:kms:eu-west-1:123456789012:key/${id.replace('1234', 'ffff')}`,
    };
    expect(problems((await planStep(repositories, world)).findings)).toEqual([
      ['warning', 'repository-encryption'],
    ]);
  });
});

describe('a lifecycle policy', () => {
  const tagged = {
    rulePriority: 1,
    selection: {
      tagStatus: 'tagged',
      tagPrefixList: ['a', 'b'],
      countType: 'imageCountMoreThan',
      countNumber: 9,
    },
    action: { type: 'expire' },
  };
  const untagged = {
    rulePriority: 2,
    selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 1 },
    action: { type: 'expire' },
  };
  const policy = { rules: [tagged, untagged] };
  const withSelection = (selection: object) => ({
    rules: [{ ...tagged, selection: { ...tagged.selection, ...selection } }, untagged],
  });

  it.each([
    ['its rules are in another order', { rules: [untagged, tagged] }],
    ['its tags are in another order', withSelection({ tagPrefixList: ['b', 'a'] })],
    ['it names a default', withSelection({ storageClass: 'standard' })],
    ['it has an empty list', withSelection({ tagPatternList: [] })],
    ['it writes a number as text', withSelection({ countNumber: '9' })],
    ['a rule has an empty description', { rules: [{ ...tagged, description: '' }, untagged] }],
  ])('is the same when %s', (_, other) => {
    expect(isSameLifecycle(policy, other)).toBe(true);
  });

  it.each([
    ['it keeps fewer images', withSelection({ countNumber: 8 })],
    ['it selects other tags', withSelection({ tagPrefixList: ['a'] })],
    ['it lacks a rule', { rules: [tagged] }],
    ['it is about archived images', withSelection({ storageClass: 'archive' })],
    ['it is no policy', 'nonsense'],
  ])('is another one when %s', (_, other) => {
    expect(isSameLifecycle(policy, other)).toBe(false);
  });
});

describe('a rule of the registry', () => {
  it.each(['myproject', 'myproject/docker.io', 'ROOT'])(
    'that creates repositories for the prefix %s is a warning',
    async (prefix) => {
      const world = await start();
      const { registry } = world.sandbox.aws;
      registry.cacheRules.set(prefix, 'public.ecr.aws');
      registry.creationTemplates.set(prefix, ['CREATE_ON_PUSH']);
      const { findings } = await planStep(repositories, world);
      expect(problems(findings)).toEqual([
        ['warning', 'creation-rule'],
        ['warning', 'creation-rule'],
      ]);
    },
  );

  it.each(['myproject2', 'other', 'my'])('for the prefix %s is none', async (prefix) => {
    const world = await start();
    world.sandbox.aws.registry.cacheRules.set(prefix, 'public.ecr.aws');
    expect(problems((await planStep(repositories, world)).findings)).toEqual([]);
  });

  it.each(['DescribePullThroughCacheRules', 'DescribeRepositoryCreationTemplates'])(
    'is unknown where %s is denied, which fails nothing',
    async (operation) => {
      const world = await start();
      world.sandbox.faults.plan({ kind: 'deny', service: 'ecr', operation });
      const { changes, findings } = await planStep(repositories, world);
      expect(changes).toHaveLength(1);
      expect(problems(findings)).toEqual([['unknown', 'creation-rule']]);
    },
  );
});

describe('the policy of a repository that may be adopted', () => {
  const statement = (Principal: unknown, Effect = 'Allow') =>
    JSON.stringify({ Statement: [{ Effect, Principal, Action: 'ecr:BatchGetImage' }] });

  it.each([
    ['everyone', '*'],
    ['everyone', { AWS: '*' }],
    ['account 999999999999', { AWS: '999999999999' }],
    ['account 999999999999', { AWS: ['arn:aws:iam::999999999999:root'] }],
    ['lambda.amazonaws.com', { Service: 'lambda.amazonaws.com' }],
  ])('is shown when it lets %s in by %o', async (who, principal) => {
    const world = await start();
    world.sandbox.aws.registry.addRepository(own).policy = statement(principal);
    const { findings } = await planStep(repositories, world);
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        code: 'resource-policy',
        what: `the policy of ECR repository ${own} grants access to ${who}`,
      }),
    );
  });

  it.each([
    ['its own account alone', statement({ AWS: ['123456789012', 'arn:aws:iam::123456789012:root'] })],
    ['nobody', statement('*', 'Deny')],
  ])('is not shown when it lets %s in', async (_, policy) => {
    const world = await start();
    world.sandbox.aws.registry.addRepository(own).policy = policy;
    expect(problems((await planStep(repositories, world)).findings)).toEqual([]);
  });

  it('is not read where the repository is managed, so a run without changes asks nothing more', async () => {
    const world = await start();
    await applyStep(repositories, world);
    const { calls } = world.sandbox.faults;
    calls.splice(0);
    await planStep(repositories, world);
    expect(calls.map(({ operation }) => operation)).not.toContain('GetRepositoryPolicy');
  });
});
