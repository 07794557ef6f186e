import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagePullerKey } from '../../../../src/steps/image-puller-key/index.ts';
import { makeKey } from '../../../../src/steps/image-puller-key/protocol.ts';
import { observeKey } from '../../../../src/steps/image-puller-key/state.ts';
import { runOf } from '../../../contract/step-contract.ts';
import type { AwsWorld } from '../../../support/aws.ts';
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

/** From the cut on nothing answers, so no clean-up code can help. */
const cuts = ['with its answer lost', 'after its answer'] as const;

function cutAt(world: AwsWorld, write: number, cut: (typeof cuts)[number]): () => void {
  const { faults } = world.sandbox;
  const takeBack: (() => void)[] = [];
  let seen = 0;
  const stop = faults.onCall((call) => {
    if (call.writes) seen += 1;
    if (!call.writes || seen !== write) return;
    if (cut === 'with its answer lost') takeBack.push(faults.plan({ kind: 'lost', to: 1 }));
    // This request is judged before the microtask; all that follow meet the cut.
    queueMicrotask(() => takeBack.push(faults.plan({ kind: 'reset' })));
  });
  return () => {
    stop();
    for (const act of takeBack) act();
  };
}

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
  await makeKey(runOf(ctx), await observeKey(ctx));
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

describe('a run that is cut off while it makes a key', () => {
  it.each(cuts)('at any writing request, %s, leaves what the next run brings to its end', async (cut) => {
    const count = await writesOf(await open(withUser()), firstRun);
    expect(count).toBeGreaterThan(8);
    for (let write = 1; write <= count; write += 1) {
      const world = await open(withUser());
      const mend = cutAt(world, write, cut);
      expect(await isCutOff(firstRun(world))).toBe(write < count || cut === 'with its answer lost');
      mend();
      await up(world);
      expect(await planned(world), `cut at write ${write}`).toEqual([]);
      expect(keysOf(world), `cut at write ${write}`).toHaveLength(1);
      expect([...userOf(world).tags.keys()]).not.toContain('ecr-bootstrap:creating');
    }
  });

  it.each(cuts)(
    'beside a working one, at any writing request, %s, never costs a working pair',
    async (cut) => {
      const count = await writesOf(await open(withKey()), secondKey);
      for (let write = 1; write <= count; write += 1) {
        const world = await open(withKey());
        const [old] = keysOf(world);
        const mend = cutAt(world, write, cut);
        await secondKey(world).catch(() => undefined);
        mend();
        await up(world);
        expect(await planned(world), `cut at write ${write}`).toEqual([]);
        const current = keysOf(world).find(({ id }) => id === valueOf(world, names.id));
        expect(current?.secret, `cut at write ${write}`).toBe(valueOf(world, names.secret));
        expect(new Set(currentVersions(world)).size).toBe(1);
        expect(keysOf(world)).toContain(old);
      }
    },
  );
});
