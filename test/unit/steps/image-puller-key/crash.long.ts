import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagePullerKey } from '../../../../src/steps/image-puller-key.ts';
import { createKey } from '../../../../src/access-key/protocol.ts';
import { observeKey } from '../../../../src/access-key/state.ts';
import { runOf } from '../../../contract/step-contract.ts';
import type { AwsWorld } from '../../../support/aws.ts';
import { cutOff } from '../../../support/cut-off.ts';
import {
  currentVersions,
  keysOf,
  names,
  planned,
  up,
  userOf,
  valueOf,
  withKey,
  withUser,
} from './support.ts';

const firstRun = async (world: AwsWorld): Promise<void> => {
  const ctx = world.context();
  const state = await observeKey(ctx);
  const { changes } = imagePullerKey.diff(state, ctx);
  for (const outcome of await imagePullerKey.apply(changes, state, runOf(ctx))) {
    if (outcome.result === 'failed') throw outcome.error;
  }
};

const secondKey = async (world: AwsWorld): Promise<void> => {
  const ctx = world.context();
  await createKey(runOf(ctx), await observeKey(ctx));
};

const isCutOff = (run: Promise<void>): Promise<boolean> =>
  run.then(
    () => false,
    () => true,
  );

const worlds: AwsWorld[] = [];
const open = async (made: Promise<AwsWorld>): Promise<AwsWorld> => {
  const world = await made;
  worlds.push(world);
  return world;
};

beforeEach(() => {
  process.env['AWS_MAX_ATTEMPTS'] = '1';
});
afterEach(async () => {
  delete process.env['AWS_MAX_ATTEMPTS'];
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function writesOf(world: AwsWorld, act: (world: AwsWorld) => Promise<void>): Promise<number> {
  const { calls } = world.sandbox.faults;
  const before = calls.filter(({ writes }) => writes).length;
  await act(world);
  return calls.filter(({ writes }) => writes).length - before;
}

/** In milliseconds, because each interruption needs its own account. */
const slow = { timeout: 120_000 };

describe('a run that is interrupted at any write while it creates a key', () => {
  it('is completed by the next run', slow, async () => {
    const count = await writesOf(await open(withUser()), firstRun);
    expect(count).toBeGreaterThan(8);
    for (let write = 1; write <= count; write += 1) {
      const world = await open(withUser());
      const restore = cutOff(world.sandbox.faults, write, 'lost');
      expect(await isCutOff(firstRun(world))).toBe(true);
      restore();
      await up(world);
      expect(await planned(world), `cut at write ${write}`).toEqual([]);
      expect(keysOf(world), `cut at write ${write}`).toHaveLength(1);
      expect([...userOf(world).tags.keys()]).not.toContain('ecr-bootstrap:creating');
    }
  });

  it('never loses a working pair', slow, async () => {
    const count = await writesOf(await open(withKey()), secondKey);
    for (let write = 1; write <= count; write += 1) {
      const world = await open(withKey());
      const [old] = keysOf(world);
      const restore = cutOff(world.sandbox.faults, write, 'lost');
      await secondKey(world).catch(() => undefined);
      restore();
      await up(world);
      expect(await planned(world), `cut at write ${write}`).toEqual([]);
      const current = keysOf(world).find(({ id }) => id === valueOf(world, names.id));
      expect(current?.secret, `cut at write ${write}`).toBe(valueOf(world, names.secret));
      expect(new Set(currentVersions(world)).size).toBe(1);
      expect(keysOf(world)).toContain(old);
    }
  });
});
