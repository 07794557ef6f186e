import { afterEach, describe, expect, it } from 'vitest';
import { imagePullerKey } from '../../../../src/steps/image-puller-key/index.ts';
import { imagePuller } from '../../../../src/steps/image-puller/index.ts';
import { policyDocument, type PolicyName } from '../../../../src/steps/policies/index.ts';
import type { AnyStep } from '../../../../src/steps/context.ts';
import { powerUser } from '../../../../src/steps/power-user/index.ts';
import { repositories } from '../../../../src/steps/repositories/index.ts';
import { applyStep, planStep } from '../../../contract/step-contract.ts';
import { AwsWorld, configOf } from '../../../support/aws.ts';

const worlds: AwsWorld[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

const account = { partition: 'aws', accountId: '123456789012', region: 'eu-west-1' };
const steps = [powerUser, imagePuller, repositories, imagePullerKey] as const;

const actions = (name: PolicyName, settings: object = {}): string[] =>
  policyDocument(name, configOf(settings), account).Statement.flatMap(({ Action }) => Action);

/** A world whose caller has one of the documents and nothing else. */
async function callerWith(name: PolicyName, settings: object = {}): Promise<AwsWorld> {
  const world = await AwsWorld.start(settings);
  worlds.push(world);
  const { identities } = world.sandbox.aws;
  const document = JSON.stringify(policyDocument(name, world.config, account));
  const policy = identities.addPolicy(account.accountId, `test-${name}`, '/', document);
  world.caller = world.sandbox.aws.addUser(`with-${name}`, policy.arn).key;
  return world;
}

async function upAll(world: AwsWorld): Promise<void> {
  for (const step of steps as readonly AnyStep[]) await applyStep(step, world);
}

const settings = {
  aws: { region: 'eu-west-1', tags: { team: 'ours' } },
  repositories: { scanOnPush: true, lifecyclePolicy: { rules: [] } },
};

describe('the policy for a first run', () => {
  it('is enough for everything that a first run makes in AWS', async () => {
    const world = await callerWith('first-run', settings);
    await upAll(world);
    for (const step of steps as readonly AnyStep[]) expect((await planStep(step, world)).changes).toEqual([]);
  });

  it("is enough with a customer's key and bounded users", async () => {
    const boundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const users = {
      powerUser: { permissionsBoundary: boundary },
      imagePuller: { permissionsBoundary: boundary },
    };
    const kmsKeyId = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    await upAll(await callerWith('first-run', { ...settings, users, secrets: { kmsKeyId } }));
  });

  it('lets nothing of ours be attached but the policies of the two users', async () => {
    const world = await callerWith('first-run');
    await upAll(world);
    const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const attached = world.aws().iam.attachPolicy('image-puller', administrator);
    await expect(attached).rejects.toMatchObject({ code: 'aws-denied' });
  });
});

describe("power-user's policy", () => {
  const ready = async (): Promise<AwsWorld> => {
    const world = await AwsWorld.start(settings);
    worlds.push(world);
    await upAll(world);
    const user = world.sandbox.aws.identities.users.get('power-user');
    if (!user) throw new Error('no power-user');
    const { id, secret } = world.sandbox.aws.identities.addKey(user);
    world.caller = { accessKeyId: id, secretAccessKey: secret };
    return world;
  };

  it('is enough for a later run that finds nothing to do', async () => {
    const world = await ready();
    for (const step of steps as readonly AnyStep[])
      expect(await planStep(step, world)).toEqual({ changes: [], findings: [] });
  });

  it('is enough for a new repository and a new key', async () => {
    const world = await ready();
    world.wanted = [{ source: 'docker.io/library/nginx:1.27', repository: 'myproject/nginx' }];
    const { keys } = world.sandbox.aws.identities;
    for (const key of keys.values()) if (key.user.name === 'image-puller') keys.delete(key.id);
    await applyStep(repositories, world);
    await applyStep(imagePullerKey, world);
  });

  it.each([
    [
      'iam:CreateUser',
      (world: AwsWorld) => world.aws().iam.createUser({ name: 'mine', path: '/', tags: { a: 'b' } }),
    ],
    [
      'iam:AttachUserPolicy',
      (world: AwsWorld) =>
        world.aws().iam.attachPolicy('power-user', 'arn:aws:iam::aws:policy/AdministratorAccess'),
    ],
    [
      'iam:CreatePolicyVersion',
      (world: AwsWorld) =>
        world.aws().iam.updatePolicy('arn:aws:iam::123456789012:policy/ecr-bootstrap-image-puller', {
          Version: '2012-10-17',
          Statement: [],
        }),
    ],
    [
      'iam:TagUser',
      (world: AwsWorld) => world.aws().iam.tagUser('image-puller', { 'ecr-bootstrap:project': 'x' }),
    ],
    ['iam:CreateAccessKey', (world: AwsWorld) => world.aws().iam.createAccessKey('admin')],
    ['secretsmanager:GetSecretValue', (world: AwsWorld) => world.aws().secrets.value('other')],
  ])('denies %s beyond what it is for', async (action, attempt) => {
    await expect(attempt(await ready())).rejects.toMatchObject({
      code: 'aws-denied',
      why: expect.stringContaining(action) as string,
    });
  });

  it('holds no action that changes users or policies, but the mark of an unfinished key', () => {
    const writes = /^iam:(Create|Put|Attach|Detach|Delete|Update|Tag|Untag)/;
    expect(actions('power-user').filter((action) => writes.test(action))).toEqual([
      'iam:CreateAccessKey',
      'iam:UpdateAccessKey',
      'iam:DeleteAccessKey',
      'iam:TagUser',
      'iam:UntagUser',
    ]);
  });
});

describe("the image puller's policy", () => {
  it('holds pulling and the three secrets, nothing else', () => {
    expect(actions('image-puller')).toEqual([
      'ecr:GetAuthorizationToken',
      'ecr:BatchGetImage',
      'ecr:GetDownloadUrlForLayer',
      'ecr:BatchCheckLayerAvailability',
      'secretsmanager:GetSecretValue',
    ]);
  });

  it("adds the customer's key, through Secrets Manager only", () => {
    const config = configOf({ secrets: { kmsKeyId: 'alias/ours' } });
    expect(policyDocument('image-puller', config, account).Statement.at(-1)).toEqual({
      Sid: 'DecryptOwnKey',
      Effect: 'Allow',
      Action: ['kms:Decrypt'],
      Resource: ['arn:aws:kms:eu-west-1:123456789012:key/*'],
      Condition: {
        StringEquals: { 'kms:ViaService': ['secretsmanager.eu-west-1.amazonaws.com'] },
        'ForAnyValue:StringEquals': { 'kms:ResourceAliases': ['alias/ours'] },
      },
    });
  });
});

describe('every policy', () => {
  it.each(['first-run', 'power-user', 'image-puller'] as const)('%s fits into a managed policy', (name) => {
    const document = policyDocument(name, configOf({ project: 'p'.repeat(64), ...settings }), account);
    expect(JSON.stringify(document).replace(/\s/g, '').length).toBeLessThan(6144);
  });

  it.each([
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
    ['us-isob-east-1', 'aws-iso-b'],
    ['eu-west-1', 'aws'],
  ])('printed without asking AWS names the partition of %s', (region, partition) => {
    const document = policyDocument('image-puller', configOf({ aws: { region } }));
    expect(document.Statement[1]?.Resource).toEqual([
      `arn:${partition}:ecr:${region}:*:repository/myproject/*`,
    ]);
  });
});
