import { afterEach, describe, expect, it } from 'vitest';
import type { Lag } from '../../../../sandbox/aws/read-lag.ts';
import { imagePullerKey } from '../../../../src/steps/image-puller-key.ts';
import { observeKey } from '../../../../src/access-key/state.ts';
import { runOf } from '../../../contract/step-contract.ts';
import type { AwsWorld } from '../../../support/aws.ts';
import { keysOf, names, planned, secretOf, up, userOf, valueOf, withKey, withUser } from './support.ts';

const worlds: AwsWorld[] = [];
const open = async (made: Promise<AwsWorld>): Promise<AwsWorld> => {
  const world = await made;
  worlds.push(world);
  return world;
};
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

/** A world with a new key that reads of one service do not show yet. */
async function lagging(lag: Omit<Lag, 'milliseconds'>, milliseconds: number): Promise<AwsWorld> {
  const world = await open(withUser());
  const late: Lag = { ...lag, milliseconds: 0 };
  world.sandbox.aws.lags.plan(late);
  await up(world);
  late.milliseconds = milliseconds;
  return world;
}

const everything = Object.values(names);

describe('the access key, when reads lag behind writes', () => {
  it('is not created a second time while Secrets Manager lags by a minute', async () => {
    const world = await lagging({ service: 'secretsmanager' }, 60_000);
    const [key] = keysOf(world);
    await up(world);
    expect(keysOf(world)).toEqual([key]);
    expect(await planned(world)).toEqual([]);
  });

  it('is not created a second time while Secrets Manager shows the secrets without their values', async () => {
    const world = await lagging({ service: 'secretsmanager', behind: /^PutSecretValue$/ }, 60_000);
    const [key] = keysOf(world);
    await up(world);
    expect(keysOf(world)).toEqual([key]);
  });

  it('is found although restored secrets still appear as scheduled for deletion', async () => {
    const world = await open(withKey());
    const [key] = keysOf(world);
    const at = world.sandbox.clock.now();
    for (const name of everything) secretOf(world, name).deletion = { at, gone: at + 86_400_000 };
    world.sandbox.aws.lags.plan({
      service: 'secretsmanager',
      milliseconds: 60_000,
      reads: /^DescribeSecret$/,
      behind: /^RestoreSecret$/,
    });
    await up(world);
    expect(keysOf(world)).toEqual([key]);
  });

  it('is not created when two unlisted keys exist, and the error names them', async () => {
    const world = await open(withUser());
    world.sandbox.aws.lags.plan({ service: 'iam', milliseconds: 60_000, reads: /^ListAccessKeys$/ });
    const { iam } = world.aws();
    const others = [await iam.createAccessKey('image-puller'), await iam.createAccessKey('image-puller')];
    await expect(up(world)).rejects.toMatchObject({
      code: 'plan-changed',
      why: expect.stringContaining(others.map(({ accessKeyId }) => accessKeyId).join(', ')) as string,
    });
    expect(keysOf(world)).toHaveLength(2);
    expect([...userOf(world).tags.keys()]).not.toContain('ecr-bootstrap:creating');
  });

  it('is deleted later if an interrupted run did not store it, although IAM did not list it at first', async () => {
    const world = await open(withUser());
    world.sandbox.aws.lags.plan({ service: 'iam', milliseconds: 60_000, reads: /^ListAccessKeys$/ });
    const { iam } = world.aws();
    await iam.tagUser('image-puller', { 'ecr-bootstrap:creating': '-' });
    const stray = await iam.createAccessKey('image-puller');
    await up(world);
    world.sandbox.clock.advance(60_000);
    expect(await planned(world)).toContain(`IAM access key ${stray.accessKeyId}`);
    await up(world);
    expect(keysOf(world).map(({ id }) => id)).not.toContain(stray.accessKeyId);
    expect(keysOf(world)).toHaveLength(1);
    expect(await planned(world)).toEqual([]);
  });
});

describe('the second observation of the access key', () => {
  /** Applies a plan that could not show that the stored key is disabled, because its secrets were hidden. */
  async function applyHidden(world: AwsWorld) {
    const [key] = keysOf(world);
    const at = world.sandbox.clock.now();
    for (const name of everything) secretOf(world, name).deletion = { at, gone: at + 86_400_000 };
    const ctx = world.context();
    const state = await observeKey(ctx);
    const { changes } = imagePullerKey.diff(state, ctx);
    expect(changes.map(({ action }) => action)).not.toContain('delete');
    if (key) key.active = false;
    return imagePullerKey.apply(changes, state, runOf(ctx));
  }

  it('deletes no key that the plan did not show', async () => {
    const world = await open(withKey());
    const { iam } = world.aws();
    await iam.createAccessKey('image-puller');
    const keys = keysOf(world);
    expect((await applyHidden(world)).at(-1)).toMatchObject({
      result: 'failed',
      error: { code: 'plan-changed', what: `could not delete IAM access key ${keys[0]?.id}` },
    });
    expect(keysOf(world)).toEqual(keys);
  });

  it('creates a key in addition to a disabled one whose deletion the plan did not show', async () => {
    const world = await open(withKey());
    const [old] = keysOf(world);
    expect((await applyHidden(world)).at(-1)).toMatchObject({ result: 'done' });
    expect(keysOf(world)).toMatchObject([{ id: old?.id, active: false }, { active: true }]);
    expect(valueOf(world, names.id)).toBe(keysOf(world)[1]?.id);
  });
});
