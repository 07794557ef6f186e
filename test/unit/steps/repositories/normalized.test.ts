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
    'keeps a tag mutability that the configuration does not support, instead of setting %s in each run',
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
    'has no finding when it is encrypted with %s, although ECR returns the ARN of the key',
    async (kmsKey) => {
      const world = await start({ repositories: { encryption: { type: 'KMS', kmsKey } } });
      await applyStep(repositories, world);
      expect(held(world).encryption.kmsKey).toMatch(/^arn:aws:kms:eu-west-1:123456789012:key\//);
      const { changes, findings } = await planStep(repositories, world);
      expect({ changes, problems: problems(findings) }).toEqual({ changes: [], problems: [] });
    },
  );

  it('has a finding when it is encrypted with another key than configured', async () => {
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
  ])('counts as the same when %s', (_, other) => {
    expect(isSameLifecycle(policy, other)).toBe(true);
  });

  it.each([
    ['it keeps fewer images', withSelection({ countNumber: 8 })],
    ['it selects other tags', withSelection({ tagPrefixList: ['a'] })],
    ['it lacks a rule', { rules: [tagged] }],
    ['it applies to archived images', withSelection({ storageClass: 'archive' })],
    ['it is not a policy', 'nonsense'],
  ])('counts as different when %s', (_, other) => {
    expect(isSameLifecycle(policy, other)).toBe(false);
  });
});

describe('a creation rule of the registry', () => {
  it.each(['myproject', 'myproject/docker.io', 'ROOT'])(
    'is a warning for the prefix %s, which matches repositories of the project',
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

  it.each(['myproject2', 'other', 'my'])('is no warning for the unrelated prefix %s', async (prefix) => {
    const world = await start();
    world.sandbox.aws.registry.cacheRules.set(prefix, 'public.ecr.aws');
    expect(problems((await planStep(repositories, world)).findings)).toEqual([]);
  });

  it.each(['DescribePullThroughCacheRules', 'DescribeRepositoryCreationTemplates'])(
    'is unknown when %s is denied, and the plan continues',
    async (operation) => {
      const world = await start();
      world.sandbox.faults.plan({ kind: 'deny', service: 'ecr', operation });
      const { changes, findings } = await planStep(repositories, world);
      expect(changes).toHaveLength(1);
      expect(problems(findings)).toEqual([['unknown', 'creation-rule']]);
    },
  );
});

describe('the policy of an unmanaged repository', () => {
  const statement = (Principal: unknown, Effect = 'Allow') =>
    JSON.stringify({ Statement: [{ Effect, Principal, Action: 'ecr:BatchGetImage' }] });

  it.each([
    ['everyone', '*'],
    ['everyone', { AWS: '*' }],
    ['account 999999999999', { AWS: '999999999999' }],
    ['account 999999999999', { AWS: ['arn:aws:iam::999999999999:root'] }],
    ['lambda.amazonaws.com', { Service: 'lambda.amazonaws.com' }],
  ])('is reported when it allows %s with the principal %o', async (who, principal) => {
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
    ['only its own account', statement({ AWS: ['123456789012', 'arn:aws:iam::123456789012:root'] })],
    ['no principal', statement('*', 'Deny')],
  ])('is not reported when it allows %s', async (_, policy) => {
    const world = await start();
    world.sandbox.aws.registry.addRepository(own).policy = policy;
    expect(problems((await planStep(repositories, world)).findings)).toEqual([]);
  });

  it('is not read when the repository is managed, so a run without changes sends no extra requests', async () => {
    const world = await start();
    await applyStep(repositories, world);
    const { calls } = world.sandbox.faults;
    calls.splice(0);
    await planStep(repositories, world);
    expect(calls.map(({ operation }) => operation)).not.toContain('GetRepositoryPolicy');
  });
});
