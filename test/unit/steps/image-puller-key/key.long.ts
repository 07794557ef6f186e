import { afterEach, describe, expect, it } from 'vitest';
import { imagePullerKey } from '../../../../src/steps/image-puller-key.ts';
import { createKey } from '../../../../src/access-key/protocol.ts';
import { observeKey } from '../../../../src/access-key/state.ts';
import { applyStep, describeStepContract, runOf } from '../../../contract/step-contract.ts';
import type { AwsWorld } from '../../../support/aws.ts';
import {
  currentVersions,
  keysOf,
  names,
  plan,
  planned,
  secretOf,
  up,
  userOf,
  valueOf,
  withKey,
  withUser,
} from './support.ts';

const worlds: AwsWorld[] = [];
const open = async (made: Promise<AwsWorld>): Promise<AwsWorld> => {
  const world = await made;
  worlds.push(world);
  return world;
};
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

const put = (world: AwsWorld, name: string, value: string): void =>
  void secretOf(world, name).put(value, ['AWSCURRENT'], world.sandbox.clock.now());

describeStepContract({
  step: imagePullerKey,
  fresh: () => withUser({ aws: { region: 'eu-west-1', tags: { team: 'ours' } } }),
  drifts: [
    {
      name: 'the region was overwritten',
      corrupt: (world: AwsWorld) => put(world, names.region, 'eu-north-1'),
      plans: [`AWS secret ${names.region}: AWSCURRENT`],
    },
    {
      name: 'half of the pair was overwritten',
      corrupt: (world) => put(world, names.secret, 'nonsense'),
      plans: [`AWS secret ${names.secret}: AWSCURRENT`],
    },
    {
      name: 'a configured tag was removed',
      corrupt: (world) => void secretOf(world, names.id).tags.delete('team'),
      plans: [`AWS secret ${names.id}: tags.team`],
    },
    {
      name: 'the key was deleted',
      corrupt: (world) => keysOf(world).forEach(({ id }) => world.sandbox.aws.identities.keys.delete(id)),
      plans: ['IAM access key image-puller'],
    },
    {
      name: 'the creating tag was left behind',
      corrupt: (world) => void userOf(world).tags.set('ecr-bootstrap:creating', keysOf(world)[0]?.id ?? '-'),
      plans: ['IAM user image-puller: tags.ecr-bootstrap:creating'],
    },
  ],
});

describe("the image puller's key", () => {
  it('is stored as one version of three secrets, and works', async () => {
    const world = await open(withKey());
    const [key] = keysOf(world);
    expect([valueOf(world, names.id), valueOf(world, names.secret), valueOf(world, names.region)]).toEqual([
      key?.id,
      key?.secret,
      'eu-west-1',
    ]);
    expect(new Set(currentVersions(world)).size).toBe(1);
  });

  it('does not leave the tag of its creation behind', async () => {
    const world = await open(withKey());
    expect([...userOf(world).tags.keys()]).not.toContain('ecr-bootstrap:creating');
  });

  it('is verified until AWS accepts it everywhere', async () => {
    const world = await open(withUser());
    world.sandbox.aws.identities.lag = 15_000;
    await up(world);
    expect(await planned(world)).toEqual([]);
  });

  it('fails the run if it never works, and a later run replaces it', async () => {
    const world = await open(withUser());
    world.sandbox.aws.identities.lag = 3_600_000;
    await expect(up(world)).rejects.toMatchObject({ code: 'key-unverified' });
    await expect(up(world)).rejects.toMatchObject({ code: 'key-unverified' });
    world.sandbox.aws.identities.lag = 0;
    await up(world);
    expect(keysOf(world)).toHaveLength(1);
    expect(await planned(world)).toEqual([]);
  });

  it('is kept when it lacks rights, and the error names the denied action', async () => {
    const world = await open(withUser());
    userOf(world).attached.clear();
    world.sandbox.aws.identities.settle();
    await expect(up(world)).rejects.toMatchObject({
      code: 'key-unverified',
      why: expect.stringContaining('ecr:GetAuthorizationToken') as string,
    });
    expect(keysOf(world)).toHaveLength(1);
  });

  it('is verified with the registry and the secrets, not only with a token', async () => {
    const world = await open(withUser());
    await up(world);
    const caller = keysOf(world)[0]?.id;
    const operations = world.sandbox.faults.calls
      .filter((call) => call.caller === caller)
      .map(({ operation }) => operation);
    expect(new Set(operations)).toEqual(new Set(['GetAuthorizationToken', 'GetManifest', 'GetSecretValue']));
    expect(operations.filter((operation) => operation === 'GetManifest')).toHaveLength(3);
  });

  it('is kept when it works and its secrets come from different writes by hand', async () => {
    const world = await open(withKey());
    const [key] = keysOf(world);
    for (const name of Object.values(names)) {
      const secret = secretOf(world, name);
      const value = valueOf(world, name) ?? '';
      secret.versions.clear();
      secret.put(value, ['AWSCURRENT'], 0);
    }
    await up(world);
    expect(keysOf(world).map(({ id }) => id)).toEqual([key?.id]);
    expect(new Set(currentVersions(world)).size).toBe(1);
    expect(await planned(world)).toEqual([]);
  });

  it('is restored with its secrets when they are scheduled for deletion', async () => {
    const world = await open(withKey());
    const before = keysOf(world)[0]?.id;
    const gone = world.sandbox.clock.now() + 86_400_000 * 7;
    for (const name of Object.values(names)) {
      secretOf(world, name).deletion = { at: world.sandbox.clock.now(), gone };
    }
    expect(await planned(world)).toContain(`AWS secret ${names.id}: deletion`);
    await up(world);
    expect(keysOf(world).map(({ id }) => id)).toEqual([before]);
    expect(await planned(world)).toEqual([]);
  });

  it('is created although reading missing secrets is denied', async () => {
    const world = await open(withUser());
    world.sandbox.faults.plan({ kind: 'deny', operation: 'DescribeSecret', to: 3 });
    await up(world);
    expect(await planned(world)).toEqual([]);
  });

  it('is found although the first read of its secrets was denied', async () => {
    const world = await open(withKey());
    world.sandbox.faults.plan({ kind: 'deny', operation: 'DescribeSecret', to: 3 });
    const before = keysOf(world)[0]?.id;
    await up(world);
    expect(keysOf(world).map(({ id }) => id)).toEqual([before]);
  });

  it('is kept when its secrets have no tags, and the secrets are adopted', async () => {
    const world = await open(withKey());
    for (const name of Object.values(names)) secretOf(world, name).tags.clear();
    const { changes } = await plan(world);
    expect(changes.map(({ target, adopts }) => [target.kind, adopts?.owner])).toEqual(
      Array.from({ length: 3 }, () => ['AWS secret', 'unknown']),
    );
  });

  it('is not created when two unmanaged keys exist, and the plan shows the fix', async () => {
    const world = await open(withUser());
    const { identities } = world.sandbox.aws;
    const unmanaged = [identities.addKey(userOf(world)), identities.addKey(userOf(world))];
    const { changes, findings } = await plan(world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'key-limit', blocking: true }]);
    expect(findings[0]?.hint).toContain(
      `aws iam delete-access-key --user-name image-puller --access-key-id ${unmanaged[0]?.id}`,
    );
  });

  it('is created in addition to one unmanaged key, which is reported and not changed', async () => {
    const world = await open(withUser());
    const unmanaged = world.sandbox.aws.identities.addKey(userOf(world));
    await up(world);
    const { changes, findings } = await plan(world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'user-extra-access', target: { name: unmanaged.id } }]);
    expect(keysOf(world)).toHaveLength(2);
  });

  it('is replaced when it is disabled', async () => {
    const world = await open(withKey());
    const [before] = keysOf(world);
    if (before) before.active = false;
    await up(world);
    expect(keysOf(world)).toHaveLength(1);
    expect(keysOf(world)[0]?.id).not.toBe(before?.id);
    expect(await planned(world)).toEqual([]);
  });

  it('causes a warning in status after 90 days', async () => {
    const world = await open(withKey());
    world.sandbox.clock.advance(91 * 86_400_000);
    const ctx = world.context();
    const findings = await imagePullerKey.health?.(await observeKey(ctx), ctx);
    expect(findings).toMatchObject([{ code: 'key-old', level: 'warning' }]);
  });

  it('is encrypted with the customer managed key, and another encryption needs an administrator', async () => {
    const kmsKeyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
    const world = await open(withKey({ secrets: { kmsKeyId } }));
    expect(secretOf(world, names.id).kmsKeyId).toBe(kmsKeyId);
    secretOf(world, names.id).kmsKeyId = undefined;
    const { changes, findings } = await plan(world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'needs-administrator' }]);
  });
});

describe('a second key', () => {
  it('replaces a working key only after its verification', async () => {
    const world = await open(withKey());
    const ctx = world.context();
    const pair = await createKey(runOf(ctx), await observeKey(ctx));
    expect(valueOf(world, names.id)).toBe(pair.accessKeyId);
    const stages = world.sandbox.faults.calls.map(({ operation }) => operation);
    expect(stages.lastIndexOf('GetManifest')).toBeLessThan(stages.indexOf('UpdateSecretVersionStage'));
    const { changes, findings } = await plan(world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'key-unfinished' }]);
  });

  it('allows the deletion of the disabled old key once its tokens have expired', async () => {
    const world = await open(withKey());
    const [old] = keysOf(world);
    const ctx = world.context();
    await createKey(runOf(ctx), await observeKey(ctx));
    if (old) old.active = false;
    expect(await planned(world)).toEqual([]);
    world.sandbox.clock.advance(13 * 3_600_000);
    expect(await planned(world)).toEqual([`IAM access key ${old?.id}`]);
    await applyStep(imagePullerKey, world);
    expect(keysOf(world)).toHaveLength(1);
  });
});
