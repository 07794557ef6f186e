import { afterEach, expect, it } from 'vitest';
import { untilDisabledKeysAreRefused } from '../../../src/access-key/revocation.ts';
import { observeKey } from '../../../src/access-key/state.ts';
import { runOf } from '../../contract/step-contract.ts';
import type { AwsWorld } from '../../support/aws.ts';
import { keysOf, userOf, withKey } from '../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

/** @returns how long the run waits for AWS to refuse the disabled keys, in milliseconds */
async function waited(): Promise<number> {
  const ctx = world.context();
  const state = await observeKey(ctx);
  const began = ctx.clock.now();
  await untilDisabledKeysAreRefused(runOf(ctx), state);
  return ctx.clock.now() - began;
}

it('waits until AWS has refused a disabled key for 30 seconds', async () => {
  world = await withKey();
  for (const key of keysOf(world)) key.active = false;
  const duration = await waited();
  expect(duration).toBeGreaterThanOrEqual(30_000);
  expect(duration).toBeLessThan(60_000);
});

it('counts the 30 seconds from the last time that AWS accepted the key', async () => {
  world = await withKey();
  for (const key of keysOf(world)) {
    key.active = false;
    key.acceptedUntil = world.clock.now() + 20_000;
  }
  expect(await waited()).toBeGreaterThanOrEqual(50_000);
});

it('waits a minute for a disabled key whose secret access key is not stored', async () => {
  world = await withKey();
  world.sandbox.aws.identities.addKey(userOf(world)).active = false;
  expect(await waited()).toBeGreaterThanOrEqual(60_000);
});

it('does not wait when no key is disabled', async () => {
  world = await withKey();
  expect(await waited()).toBe(0);
});
