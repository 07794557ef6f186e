import { afterEach, expect, it } from 'vitest';
import { createKey } from '../../../src/access-key/protocol.ts';
import { observeKey } from '../../../src/access-key/state.ts';
import { runOf } from '../../contract/step-contract.ts';
import { AwsWorld } from '../../support/aws.ts';
import {
  keysOf,
  names,
  secretOf,
  up,
  valueOf,
  withKey,
  withUser,
} from '../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

it.each(['PutSecretValue', 'UpdateSecretVersionStage'])(
  'reports that %s failed for one secret only when the requests for the other secrets have ended',
  async (operation) => {
    world = await withKey();
    const { faults } = world.sandbox;
    const before = faults.changes.length;
    faults.plan({ kind: 'deny', operation, resource: names.id });
    faults.plan({ kind: 'error', operation, resource: names.region, to: 1 });
    const ctx = world.context();
    await expect(createKey(runOf(ctx), await observeKey(ctx))).rejects.toMatchObject({ code: 'aws-denied' });
    const written = faults.changes.slice(before).filter((call) => call.operation === operation);
    expect(written.map(({ resource }) => resource).sort()).toEqual([names.secret, names.region].sort());
  },
);

it('tags the user before it creates a key, so that the next run finds a key that an interrupted run created', async () => {
  world = await withUser();
  await up(world);
  const writes = world.sandbox.faults.changes.map(({ operation }) => operation);
  const order = ['TagUser', 'CreateAccessKey', 'PutSecretValue', 'UntagUser'];
  expect(writes.filter((one, index) => order.includes(one) && writes.indexOf(one) === index)).toEqual(order);
});

it('names the step that creates the user when the user does not exist', async () => {
  world = await AwsWorld.start();
  await expect(up(world)).rejects.toMatchObject({
    code: 'aws-failed',
    why: 'IAM user image-puller does not exist',
    hint: expect.stringContaining('ecr-bootstrap up --only image-puller`') as string,
  });
});

it('restores a secret that turns out to be scheduled for deletion when the key is stored', async () => {
  world = await withKey();
  const ctx = world.context();
  const state = await observeKey(ctx);
  const at = world.sandbox.clock.now();
  secretOf(world, names.region).deletion = { at, gone: at + 86_400_000 };
  const { accessKeyId } = await createKey(runOf(ctx), state);
  expect(secretOf(world, names.region).deletion).toBeUndefined();
  expect(valueOf(world, names.id)).toBe(accessKeyId);
  expect(keysOf(world)).toHaveLength(2);
});
