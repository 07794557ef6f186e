import { afterEach, describe, expect, it } from 'vitest';
import { MissingRepositories } from '../../../../src/mirror/repositories/apply.ts';
import { removeRepositories } from '../../../../src/mirror/repositories/remove.ts';
import { repositories } from '../../../../src/steps/repositories.ts';
import {
  applyStep,
  describeStepContract,
  namesIn,
  planStep,
  runOf,
} from '../../../contract/step-contract.ts';
import { AwsWorld } from '../../../support/aws.ts';

const worlds: AwsWorld[] = [];
const start = async (settings: object = {}): Promise<AwsWorld> => {
  const world = await AwsWorld.start(settings);
  worlds.push(world);
  world.wanted = [{ source: 'docker.io/library/nginx:1.27', repository: nginx }];
  return world;
};
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

const nginx = 'myproject/docker.io/library/nginx';
const own = 'myproject/external-secrets';
const lifecyclePolicy = {
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 9 },
      action: { type: 'expire' },
    },
  ],
};

const held = (world: AwsWorld, name = own) => {
  const repository = world.sandbox.aws.registry.repositories.get(name);
  if (!repository) throw new Error(`no repository ${name}`);
  return repository;
};

describeStepContract({
  step: repositories,
  fresh: () =>
    AwsWorld.start({
      aws: { region: 'eu-west-1', tags: { team: 'ours' } },
      repositories: { tagMutability: 'IMMUTABLE', scanOnPush: true, lifecyclePolicy },
    }),
  drifts: [
    {
      name: 'a repository was deleted',
      corrupt: ({ sandbox }) => void sandbox.aws.registry.repositories.delete('myproject/external-secrets'),
      plans: ['ECR repository myproject/external-secrets'],
    },
    {
      name: 'tags became mutable',
      corrupt: (world) => void (held(world, 'myproject/external-secrets').tagMutability = 'MUTABLE'),
      plans: ['ECR repository myproject/external-secrets: tagMutability'],
    },
    {
      name: 'scanning was disabled',
      corrupt: (world) => void (held(world, 'myproject/external-secrets').scanOnPush = false),
      plans: ['ECR repository myproject/external-secrets: scanOnPush'],
    },
    {
      name: 'the lifecycle policy was deleted',
      corrupt: (world) => void (held(world, 'myproject/external-secrets').lifecyclePolicy = undefined),
      plans: ['ECR repository myproject/external-secrets: lifecyclePolicy'],
    },
    {
      name: 'a configured tag was removed',
      corrupt: (world) => void held(world, 'myproject/external-secrets').awsTags.delete('team'),
      plans: ['ECR repository myproject/external-secrets: tags.team'],
    },
  ],
});

describe("the account's setting for blob mounting", () => {
  const setting = (world: AwsWorld) => world.sandbox.aws.registry.settings.get('BLOB_MOUNTING');
  const change = 'ECR registry BLOB_MOUNTING: value';
  const configured = { aws: { region: 'eu-west-1', blobMounting: true } };

  it('is turned on by a change of the plan when it is configured, and stays on without further changes', async () => {
    const world = await start(configured);
    expect(namesIn((await planStep(repositories, world)).changes)).toContain(change);
    expect(setting(world)).toBeUndefined();
    await applyStep(repositories, world);
    expect(setting(world)).toBe('ENABLED');
    expect((await planStep(repositories, world)).changes).toEqual([]);
  });

  it('is not managed when it is not configured', async () => {
    const world = await start();
    await applyStep(repositories, world);
    expect(setting(world)).toBeUndefined();
    expect(world.sandbox.faults.calls.some(({ operation }) => /AccountSetting/.test(operation))).toBe(false);
  });

  it('stays on when everything else is removed', async () => {
    const world = await start(configured);
    await applyStep(repositories, world);
    const context = world.context();
    const removal = await removeRepositories(await repositories.observe(context), context);
    expect(removal.changes.map(({ payload }) => payload.does)).toEqual(['delete']);
  });

  it('is a finding and no change when it cannot be read', async () => {
    const world = await start(configured);
    world.sandbox.faults.plan({ service: 'ecr', operation: 'GetAccountSetting', kind: 'deny' });
    const { changes, findings } = await planStep(repositories, world);
    expect(changes.map(({ target }) => target.kind)).not.toContain('ECR registry');
    expect(findings).toContainEqual(expect.objectContaining({ code: 'blob-mounting-off', level: 'unknown' }));
  });
});

describe('repositories', () => {
  it('are planned only for the operator, before any image is found at its source', async () => {
    const world = await start();
    expect(namesIn((await planStep(repositories, world)).changes)).toEqual([`ECR repository ${own}`]);
  });

  it('that exist for a desired image get the configured settings', async () => {
    const world = await start({ repositories: { tagMutability: 'IMMUTABLE' } });
    const { awsTags } = world.sandbox.aws.registry.addRepository(nginx);
    awsTags.set('ecr-bootstrap:project', 'myproject').set('ecr-bootstrap:region', 'eu-west-1');
    await applyStep(repositories, world);
    expect(held(world, nginx).tagMutability).toBe('IMMUTABLE');
  });

  it.each(['ListTagsForResource', 'GetLifecyclePolicy'])(
    'are reported when %s is denied for one, and the changes of others are still planned',
    async (operation) => {
      const world = await start({ repositories: { lifecyclePolicy } });
      world.sandbox.aws.registry.addRepository(nginx);
      world.sandbox.faults.plan({ kind: 'deny', service: 'ecr', operation, to: 1 });
      const ctx = world.context();
      const state = await repositories.observe(ctx);
      const { changes, findings } = repositories.diff(state, ctx);
      expect(namesIn(changes)).toContain(`ECR repository ${own}`);
      expect(findings).toMatchObject([
        { level: 'failed', code: 'repository-unknown', target: { name: nginx } },
      ]);
      expect(await repositories.ready?.(state, runOf(ctx))).toMatchObject([
        { target: { name: nginx }, error: { code: 'aws-denied' } },
      ]);
    },
  );

  it('cause a warning when their lifecycle policy is denied and none is configured', async () => {
    const world = await start();
    world.sandbox.aws.registry.addRepository(nginx);
    world.sandbox.faults.plan({ kind: 'deny', service: 'ecr', operation: 'GetLifecyclePolicy' });
    const ctx = world.context();
    const state = await repositories.observe(ctx);
    const { findings } = repositories.diff(state, ctx);
    expect(findings.filter(({ level }) => level !== 'ok')).toMatchObject([
      { level: 'warning', code: 'lifecycle-risk', target: { name: nginx } },
    ]);
    expect(findings[1]?.hint).toContain('ecr:GetLifecyclePolicy');
    expect(await repositories.ready?.(state, runOf(ctx))).toEqual([]);
  });

  it('are tagged with the project and the region', async () => {
    const world = await start();
    await applyStep(repositories, world);
    expect(Object.fromEntries(held(world).awsTags)).toEqual({
      'ecr-bootstrap:project': 'myproject',
      'ecr-bootstrap:region': 'eu-west-1',
    });
  });

  it('that are unmanaged are used without changes, and reported', async () => {
    const world = await start({ repositories: { tagMutability: 'IMMUTABLE' } });
    world.sandbox.aws.registry.addRepository(nginx);
    const { changes, findings } = await planStep(repositories, world);
    expect(changes).toMatchObject([
      { target: { name: nginx }, adopts: { optional: true } },
      { action: 'create', target: { name: 'myproject/external-secrets' } },
    ]);
    expect(findings).toMatchObject([{ code: 'repository-unmanaged', level: 'ok' }]);
  });

  it('keep settings that are not configured', async () => {
    const world = await start();
    await applyStep(repositories, world);
    held(world).scanOnPush = true;
    held(world).lifecyclePolicy = '{"rules":[]}';
    expect((await planStep(repositories, world)).changes).toEqual([]);
  });

  it('get the configured lifecycle policy when the existing one is not JSON', async () => {
    const world = await start({ repositories: { lifecyclePolicy } });
    await applyStep(repositories, world);
    held(world).lifecyclePolicy = '{';
    const { changes, findings } = await planStep(repositories, world);
    expect(changes).toMatchObject([{ fields: [{ path: 'lifecyclePolicy', from: '{' }] }]);
    expect(findings).toEqual([]);
  });

  it('are reported when their encryption differs, because it cannot be changed', async () => {
    const world = await start();
    await applyStep(repositories, world);
    world.config = {
      ...world.config,
      repositories: { tagMutability: 'MUTABLE', encryption: { type: 'KMS' } },
    };
    const { changes, findings } = await planStep(repositories, world);
    expect(changes).toEqual([]);
    expect(findings.map(({ code, level }) => [code, level])).toEqual([['repository-encryption', 'warning']]);
  });

  it('are created with the configured encryption', async () => {
    const world = await start({ repositories: { encryption: { type: 'KMS' } } });
    await applyStep(repositories, world);
    expect(held(world).encryption).toMatchObject({ encryptionType: 'KMS' });
  });

  it('are all found when the list has several pages', async () => {
    const world = await start();
    for (let index = 0; index < 1001; index += 1) world.sandbox.aws.registry.addRepository(`a/${index}`);
    await applyStep(repositories, world);
    expect((await planStep(repositories, world)).changes).toEqual([]);
  });

  it('are created when the response is lost and the request is repeated', async () => {
    const world = await start({ repositories: { lifecyclePolicy } });
    world.sandbox.faults.plan({ kind: 'lost', service: 'ecr', operation: 'CreateRepository', to: 1 });
    await applyStep(repositories, world);
    expect((await planStep(repositories, world)).changes).toEqual([]);
  });

  it.each([
    ['another run of the project', 'myproject', 'IMMUTABLE'],
    ['another project', 'theirs', 'MUTABLE'],
  ])(
    'that %s created since the plan are handled as if the plan had found them',
    async (_, project, tagMutability) => {
      const world = await start({ repositories: { tagMutability: 'IMMUTABLE' } });
      const ctx = world.context();
      const state = await repositories.observe(ctx);
      const { awsTags } = world.sandbox.aws.registry.addRepository(own);
      awsTags.set('ecr-bootstrap:project', project).set('ecr-bootstrap:region', 'eu-west-1');
      const outcomes = await repositories.apply(repositories.diff(state, ctx).changes, state, runOf(ctx));
      expect(outcomes.map(({ result }) => result)).toEqual(['done']);
      expect(held(world)).toMatchObject({ tagMutability });
      expect(awsTags.get('ecr-bootstrap:project')).toBe(project);
    },
  );

  it('are not adopted without consent when an unmanaged one appears during the run', async () => {
    const world = await start({ repositories: { tagMutability: 'IMMUTABLE' } });
    const ctx = world.context();
    const state = await repositories.observe(ctx);
    const { awsTags } = world.sandbox.aws.registry.addRepository(own);
    const outcomes = await repositories.apply(repositories.diff(state, ctx).changes, state, runOf(ctx));
    expect(outcomes).toMatchObject([{ result: 'done', detail: 'it was created in the meantime' }]);
    expect(held(world)).toMatchObject({ tagMutability: 'MUTABLE' });
    expect([...awsTags]).toEqual([]);
  });
});

describe('the repository of the image that nodes run as root', () => {
  const probe = 'myproject/ecr-bootstrap.invalid/probe';
  const startWithProbe = async (): Promise<AwsWorld> => {
    const world = await start();
    world.wanted = [{ source: 'ecr-bootstrap.invalid/probe:1.37', repository: probe }];
    return world;
  };

  it('is created with immutable tags, whatever is configured for the others', async () => {
    const world = await startWithProbe();
    const ctx = world.context();
    await new MissingRepositories(runOf(ctx)).prepare((await ctx.wantedImages()).others);
    expect(held(world, probe).tagMutability).toBe('IMMUTABLE');
    await applyStep(repositories, world);
    expect(held(world).tagMutability).toBe('MUTABLE');
    expect((await planStep(repositories, world)).changes).toEqual([]);
  });

  it.each(['MUTABLE', 'IMMUTABLE_WITH_EXCLUSION'])('becomes immutable again if it is %s', async (value) => {
    const world = await startWithProbe();
    const { awsTags } = world.sandbox.aws.registry.addRepository(probe);
    awsTags.set('ecr-bootstrap:project', 'myproject').set('ecr-bootstrap:region', 'eu-west-1');
    held(world, probe).tagMutability = value;
    const { changes, findings } = await planStep(repositories, world);
    expect(changes).toMatchObject([
      {
        action: 'update',
        target: { name: probe },
        fields: [{ path: 'tagMutability', from: value, to: 'IMMUTABLE' }],
      },
      { action: 'create', target: { name: own } },
    ]);
    expect(findings).toEqual([]);
    await applyStep(repositories, world);
    expect(held(world, probe).tagMutability).toBe('IMMUTABLE');
  });
});

describe('a lifecycle policy that can remove images in use', () => {
  const expiring = {
    rules: [
      {
        rulePriority: 1,
        selection: {
          tagStatus: 'any',
          countType: 'sinceImagePulled',
          countUnit: 'days',
          countNumber: 90,
        },
        action: { type: 'transition', targetStorageClass: 'archive' },
      },
    ],
  };
  const risks = async (world: AwsWorld) =>
    (await planStep(repositories, world)).findings.filter(({ code }) => code === 'lifecycle-risk');

  it('is a warning in the plan that sets it, and names the images', async () => {
    const world = await start({ repositories: { lifecyclePolicy: expiring } });
    const found = await risks(world);
    expect(found).toHaveLength(2);
    expect(found[0]).toMatchObject({
      level: 'warning',
      target: { name: nginx },
      what: expect.stringContaining('docker.io/library/nginx:1.27') as string,
      why: expect.stringContaining('rule 1 archives images 90 days after their last pull') as string,
    });
  });

  it('is a warning when an unmanaged repository has it and none is configured', async () => {
    const world = await start();
    await applyStep(repositories, world);
    expect(await risks(world)).toEqual([]);
    world.sandbox.aws.registry.addRepository(nginx);
    held(world, nginx).lifecyclePolicy = JSON.stringify(expiring);
    expect(await risks(world)).toMatchObject([{ level: 'warning', target: { name: nginx } }]);
  });

  it('names three images and counts the rest', async () => {
    const world = await start({ repositories: { lifecyclePolicy: expiring } });
    world.wanted = ['1', '2', '3', '4', '5'].map((tag) => ({
      source: `docker.io/library/nginx:${tag}`,
      repository: nginx,
      tag,
    }));
    const what = (await risks(world)).map((finding) => finding.what).join('\n');
    expect(what).toContain('nginx:1, docker.io/library/nginx:2, docker.io/library/nginx:3 and 2 more');
  });
});

it('lists the repositories again for the next image when the first list failed', async () => {
  const world = await start();
  const missing = new MissingRepositories(runOf(world.context()));
  const image = { source: 'docker.io/library/nginx:1.27', repository: nginx, tag: '1.27', wantedBy: [] };
  const restore = world.sandbox.faults.plan({ kind: 'deny', operation: 'DescribeRepositories' });
  await expect(missing.prepare([image])).rejects.toMatchObject({ code: 'aws-denied' });
  restore();
  expect(await missing.prepare([image])).toEqual(new Map());
  expect(held(world, nginx)).toBeDefined();
});
