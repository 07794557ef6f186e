import { afterEach, describe, expect, it } from 'vitest';
import { imagePuller, powerUser } from '../../../../src/steps/users.ts';
import { imagePullerKey } from '../../../../src/steps/image-puller-key.ts';
import {
  applyStep,
  describeStepContract,
  type Drift,
  namesIn,
  planStep,
  runOf,
} from '../../../contract/step-contract.ts';
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

/** Edits a policy of the sandbox, like a user with a text editor. */
function editPolicy(world: AwsWorld, name: string, edit: (document: { Statement: Edited[] }) => void): void {
  const { identities } = world.sandbox.aws;
  const policy = identities.policies.get(identities.arn('policy', '/', name));
  const version = policy?.versions.get(policy.defaultVersion);
  if (!policy || !version) throw new Error(`no policy ${name}`);
  const document = JSON.parse(version.document) as { Statement: Edited[] };
  edit(document);
  policy.versions.set(policy.defaultVersion, { ...version, document: JSON.stringify(document) });
}

const pullOnly = 'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly';
const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:image-puller-REGION-a1B2c3';
const withPolicy = (policy: string) => ({ users: { powerUser: { policy }, imagePuller: { policy } } });

/** Checks the rights after every change in IAM. @returns missing rights, which are added as they are found */
function watchRights(
  { sandbox: { aws } }: AwsWorld,
  rights: readonly (readonly [user: string, action: string, resource: string])[],
  keys: Readonly<Record<string, string>> = {},
): string[] {
  const { identities } = aws;
  const lost: string[] = [];
  const settle = identities.settle.bind(identities);
  identities.settle = () => {
    settle();
    for (const [name, action, resource] of rights) {
      const user = identities.users.get(name);
      try {
        if (user) identities.authorise(user, { action, resource, keys });
      } catch {
        lost.push(`${name}: ${action}`);
      }
    }
  };
  return lost;
}

interface Edited {
  Sid: string;
  Action: string[];
  Resource: string | string[];
}

const drifts = (user: string): Drift<AwsWorld>[] => [
  {
    name: 'the policy was detached',
    corrupt: ({ sandbox }) => sandbox.aws.identities.users.get(user)?.attached.clear(),
    plans: [`IAM policy attachment ${user}/ecr-bootstrap-${user}`],
  },
  {
    name: 'the resource of a statement was changed',
    corrupt: (world) =>
      editPolicy(world, `ecr-bootstrap-${user}`, ({ Statement: [first] }) => {
        if (first) first.Resource = 'arn:aws:ecr:eu-west-1:123456789012:repository/other/*';
      }),
    plans: [
      `IAM policy ecr-bootstrap-${user}: document.${user === 'power-user' ? 'Registry' : 'RegistryToken'}.Resource`,
    ],
  },
  {
    name: 'a statement was added',
    corrupt: (world) =>
      editPolicy(world, `ecr-bootstrap-${user}`, ({ Statement }) =>
        Statement.push({ Sid: 'More', Action: ['s3:*'], Resource: '*' }),
      ),
    plans: [`IAM policy ecr-bootstrap-${user}: document.More`],
  },
  {
    name: 'a configured tag of the user was changed',
    corrupt: ({ sandbox }) => void sandbox.aws.identities.users.get(user)?.tags.set('team', 'theirs'),
    plans: [`IAM user ${user}: tags.team`],
  },
  {
    name: 'a configured tag of the policy was removed',
    corrupt: ({ sandbox: { aws } }) =>
      void aws.identities.policies
        .get(aws.identities.arn('policy', '/', `ecr-bootstrap-${user}`))
        ?.tags.delete('team'),
    plans: [`IAM policy ecr-bootstrap-${user}: tags.team`],
  },
  {
    name: 'the permissions boundary was removed',
    corrupt: ({ sandbox }) => {
      const found = sandbox.aws.identities.users.get(user);
      if (found) found.boundary = undefined;
    },
    plans: [`IAM user ${user}: permissionsBoundary`],
  },
];

const boundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
const fresh = () =>
  AwsWorld.start({
    aws: { region: 'eu-west-1', tags: { team: 'ours' } },
    users: { powerUser: { permissionsBoundary: boundary }, imagePuller: { permissionsBoundary: boundary } },
  });

describeStepContract({ step: powerUser, fresh, drifts: drifts('power-user') });
describeStepContract({ step: imagePuller, fresh, drifts: drifts('image-puller') });

describe('the two users', () => {
  it('are tagged with the project and the region', async () => {
    const world = await start();
    await applyStep(imagePuller, world);
    const tags = world.sandbox.aws.identities.users.get('image-puller')?.tags ?? [];
    expect(Object.fromEntries(tags)).toEqual({
      'ecr-bootstrap:project': 'myproject',
      'ecr-bootstrap:region': 'eu-west-1',
    });
  });

  it('have the configured path, and so do their policies', async () => {
    const world = await start({ users: { imagePuller: { path: '/team/' } } });
    await applyStep(imagePuller, world);
    const user = world.sandbox.aws.identities.users.get('image-puller');
    expect([user?.arn, ...(user?.attached ?? [])]).toEqual([
      'arn:aws:iam::123456789012:user/team/image-puller',
      'arn:aws:iam::123456789012:policy/team/ecr-bootstrap-image-puller',
    ]);
  });

  it('get a sixth version of their policy, which replaces the oldest version', async () => {
    const world = await start();
    await applyStep(imagePuller, world);
    for (let edits = 0; edits < 6; edits += 1) {
      editPolicy(world, 'ecr-bootstrap-image-puller', ({ Statement }) => Statement.pop());
      await applyStep(imagePuller, world);
    }
    const arn = 'arn:aws:iam::123456789012:policy/ecr-bootstrap-image-puller';
    const versions = world.sandbox.aws.identities.policies.get(arn)?.versions.keys() ?? [];
    expect([...versions]).toEqual(['v3', 'v4', 'v5', 'v6', 'v7']);
  });

  it('are adopted when they do not have the project tag', async () => {
    const world = await start();
    world.sandbox.aws.addUser('image-puller', boundary);
    const { changes, findings } = await planStep(imagePuller, world);
    expect(changes).toContainEqual(
      expect.objectContaining({
        target: { kind: 'IAM user', name: 'image-puller' },
        adopts: { owner: 'unknown' },
      }),
    );
    expect(findings).toMatchObject([{ code: 'user-extra-access' }]);
  });

  it('of another project block the plan, with the setting to change', async () => {
    const other = await start({ project: 'theirs' });
    await applyStep(imagePuller, other);
    other.config = { ...other.config, project: 'myproject' };
    const { changes, findings } = await planStep(imagePuller, other);
    expect(changes).toEqual([]);
    expect(findings[0]).toMatchObject({ code: 'user-conflict', blocking: true });
    expect(findings[0]?.why).toContain('belongs to project theirs');
    expect(findings[0]?.hint).toBe('Set users.imagePuller.name to another name.');
  });

  it('that were handed over by tags are updated to the desired state', async () => {
    const world = await start();
    const { user } = world.sandbox.aws.addUser('image-puller');
    user.tags.set('ecr-bootstrap:project', 'myproject').set('ecr-bootstrap:region', 'eu-west-1');
    await applyStep(imagePuller, world);
    expect((await planStep(imagePuller, world)).changes).toEqual([]);
  });

  it('are created when the response is lost and the request is repeated', async () => {
    const world = await start();
    for (const operation of ['CreateUser', 'CreatePolicy']) {
      world.sandbox.faults.plan({ kind: 'lost', service: 'iam', operation, to: 1 });
    }
    await applyStep(imagePuller, world);
    expect((await planStep(imagePuller, world)).changes).toEqual([]);
  });

  it.each([
    ['another run of the project', 'myproject', ['done', 'done', 'done']],
    ['another project', 'theirs', ['failed', 'skipped', 'skipped']],
    ['an unknown tool', undefined, ['failed', 'skipped', 'skipped']],
  ])(
    'that %s created since the plan are handled as if the plan had found them',
    async (_, project, results) => {
      const world = await start({ users: { imagePuller: { permissionsBoundary: boundary } } });
      const ctx = world.context();
      const state = await imagePuller.observe(ctx);
      const { user } = world.sandbox.aws.addUser('image-puller');
      if (project) user.tags.set('ecr-bootstrap:project', project).set('ecr-bootstrap:region', 'eu-west-1');
      const outcomes = await imagePuller.apply(imagePuller.diff(state, ctx).changes, state, runOf(ctx));
      expect(outcomes.map(({ result }) => result)).toEqual(results);
      expect(user.boundary).toBe(results[0] === 'done' ? boundary : undefined);
      if (results[0] === 'failed') expect(outcomes[0]).toMatchObject({ error: { code: 'unmanaged' } });
    },
  );

  it('with an unmanaged policy or group are reported with the command that removes it', async () => {
    const world = await start();
    await applyStep(imagePuller, world);
    const user = world.sandbox.aws.identities.users.get('image-puller');
    user?.attached.add(boundary);
    user?.inline.set('mine', '{"Statement":[]}');
    user?.groups.add('admins');
    const { changes, findings } = await planStep(imagePuller, world);
    expect(changes).toEqual([]);
    expect(findings.map(({ code }) => code)).toEqual([
      'user-extra-access',
      'user-extra-access',
      'user-extra-access',
    ]);
    expect(findings.map(({ hint }) => /`(.*)`/.exec(hint)?.[1])).toEqual([
      `aws iam detach-user-policy --user-name image-puller --policy-arn ${boundary}`,
      'aws iam delete-user-policy --user-name image-puller --policy-name mine',
      'aws iam remove-user-from-group --user-name image-puller --group-name admins',
    ]);
  });

  it('with another path than configured are reported: a user can be moved, a policy cannot', async () => {
    const world = await start();
    await applyStep(imagePuller, world);
    const { identities } = world.sandbox.aws;
    identities.users.delete('image-puller');
    const moved = identities.addUser('image-puller', '/team/');
    moved.tags.set('ecr-bootstrap:project', 'myproject').set('ecr-bootstrap:region', 'eu-west-1');
    identities.policies.delete(identities.arn('policy', '/', 'ecr-bootstrap-image-puller'));
    const { arn } = identities.addPolicy(
      '123456789012',
      'ecr-bootstrap-image-puller',
      '/team/',
      '{"Statement":[]}',
    );
    moved.attached.add(arn);
    const { findings } = await planStep(imagePuller, world);
    expect(findings).toMatchObject([
      { code: 'path-differs', target: { kind: 'IAM user' }, level: 'failed' },
      { code: 'path-differs', target: { kind: 'IAM policy' }, blocking: true },
    ]);
    expect(findings.map(({ hint }) => /`(.*)`/.exec(hint)?.[1])).toEqual([
      'aws iam update-user --user-name image-puller --new-path /',
      `aws iam detach-user-policy --user-name image-puller --policy-arn ${arn} && aws iam delete-policy --policy-arn ${arn}`,
    ]);
    world.config = (await start({ users: { imagePuller: { path: '/team/' } } })).config;
    expect((await planStep(imagePuller, world)).findings).toEqual([]);
  });

  it('have the AWS managed policy with `policy: managed`, and the image puller also one for its secrets', async () => {
    const world = await start({
      users: { powerUser: { policy: 'managed' }, imagePuller: { policy: 'managed' } },
    });
    await applyStep(powerUser, world);
    await applyStep(imagePuller, world);
    const attached = (name: string) => [...(world.sandbox.aws.identities.users.get(name)?.attached ?? [])];
    expect(attached('power-user')).toEqual(['arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser']);
    expect(attached('image-puller')).toEqual([
      'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly',
      'arn:aws:iam::123456789012:policy/ecr-bootstrap-image-puller',
    ]);
  });

  it('lose the customer managed policy when `policy` changes to managed', async () => {
    const world = await start();
    await applyStep(powerUser, world);
    world.config = (await start({ users: { powerUser: { policy: 'managed' } } })).config;
    await applyStep(powerUser, world);
    expect([...(world.sandbox.aws.identities.users.get('power-user')?.attached ?? [])]).toEqual([
      'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser',
    ]);
  });

  it.each([
    ['precise', 'managed'],
    ['managed', 'precise'],
  ])('never lose a right in use while `policy` changes from %s to %s', async (before, after) => {
    const world = await start(withPolicy(before));
    await applyStep(powerUser, world);
    await applyStep(imagePuller, world);
    world.config = (await start(withPolicy(after))).config;
    const lost = watchRights(world, [
      ['image-puller', 'ecr:GetAuthorizationToken', '*'],
      ['image-puller', 'ecr:BatchGetImage', 'arn:aws:ecr:eu-west-1:123456789012:repository/myproject/nginx'],
      ['image-puller', 'secretsmanager:GetSecretValue', secretArn],
      ['power-user', 'ecr:PutImage', 'arn:aws:ecr:eu-west-1:123456789012:repository/myproject/nginx'],
    ]);
    for (const step of [powerUser, imagePuller]) {
      await applyStep(step, world);
      expect(await planStep(step, world)).toEqual({ changes: [], findings: [] });
    }
    expect(lost).toEqual([]);
  });

  it('keep and report the AWS managed policy that they had before their adoption', async () => {
    const world = await start();
    world.sandbox.aws.addUser('image-puller', pullOnly);
    await applyStep(imagePuller, world);
    const { changes, findings } = await planStep(imagePuller, world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([
      { code: 'user-extra-access', what: expect.stringContaining(pullOnly) as string },
    ]);
  });

  it('may use an old KMS key until every secret is encrypted with the configured key', async () => {
    const key = (id: string) =>
      `arn:aws:kms:eu-west-1:123456789012:key/${id.repeat(8)}-1111-1111-1111-111111111111`;
    const world = await start({ secrets: { kmsKeyId: key('a') } });
    await applyStep(imagePuller, world);
    await applyStep(imagePullerKey, world);
    const lost = watchRights(world, [['image-puller', 'kms:Decrypt', key('a')]], {
      'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com',
    });
    for (const kmsKeyId of [key('b'), undefined]) {
      world.config = (await start({ secrets: { kmsKeyId } })).config;
      await applyStep(imagePuller, world);
      expect((await planStep(imagePuller, world)).changes).toEqual([]);
      expect((await planStep(imagePullerKey, world)).findings).toHaveLength(3);
    }
    expect(lost).toEqual([]);
    for (const secret of world.sandbox.aws.secrets.all()) secret.kmsKeyId = undefined;
    expect(namesIn((await planStep(imagePuller, world)).changes)).toEqual([
      'IAM policy ecr-bootstrap-image-puller: document.DecryptOwnKey2',
    ]);
    expect((await planStep(imagePullerKey, world)).findings).toEqual([]);
  });

  it('with `manage: false` are only verified', async () => {
    const world = await start({ users: { imagePuller: { manage: false } } });
    const { changes, findings } = await planStep(imagePuller, world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'user-incomplete', blocking: true }]);
    expect(findings[0]?.hint).toContain('ecr-bootstrap policy image-puller');
    world.sandbox.aws.addUser('image-puller', boundary);
    expect((await planStep(imagePuller, world)).findings).toEqual([]);
  });
});

describe('power-user as the caller', () => {
  const asPowerUser = async (): Promise<AwsWorld> => {
    const world = await start();
    await applyStep(powerUser, world);
    await applyStep(imagePuller, world);
    const { identities } = world.sandbox.aws;
    const user = identities.users.get('power-user');
    if (!user) throw new Error('no power-user');
    const { id, secret } = identities.addKey(user);
    world.caller = { accessKeyId: id, secretAccessKey: secret };
    return world;
  };

  it('may read everything that the two steps observe, and plans nothing', async () => {
    const world = await asPowerUser();
    for (const step of [powerUser, imagePuller]) {
      expect(await planStep(step, world)).toEqual({ changes: [], findings: [] });
    }
  });

  it('plans the same changes as an administrator, with a fix for an administrator', async () => {
    const world = await asPowerUser();
    editPolicy(world, 'ecr-bootstrap-image-puller', ({ Statement }) => Statement.pop());
    const asSeen = await planStep(imagePuller, world);
    expect(asSeen.changes).toMatchObject([
      {
        fields: [{ path: 'document.ReadOwnKey' }],
        fix: expect.stringMatching(/up` as an administrator/) as string,
      },
    ]);
    world.caller = world.sandbox.admin;
    expect(await planStep(imagePuller, world)).toEqual(asSeen);
  });

  it('leaves a denied change to an administrator and lets the run continue', async () => {
    const world = await asPowerUser();
    world.sandbox.aws.identities.users.delete('image-puller');
    const { changes } = await planStep(imagePuller, world);
    const ctx = world.context();
    const outcomes = await imagePuller.apply(changes, await imagePuller.observe(ctx), runOf(ctx));
    expect(outcomes[0]).toMatchObject({
      result: 'failed',
      tolerable: true,
      error: { code: 'aws-denied', hint: expect.stringContaining('as an administrator') as string },
    });
  });
});
