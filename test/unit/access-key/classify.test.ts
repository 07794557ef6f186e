import { afterEach, expect, it } from 'vitest';
import { classify } from '../../../src/access-key/classify.ts';
import { createKey } from '../../../src/access-key/protocol.ts';
import { observeKey } from '../../../src/access-key/state.ts';
import { imagePullerKey } from '../../../src/steps/image-puller-key.ts';
import { runOf } from '../../contract/step-contract.ts';
import type { AwsWorld } from '../../support/aws.ts';
import {
  keysOf,
  names,
  plan,
  planned,
  secretOf,
  up,
  userOf,
  withKey,
} from '../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

const creating = 'ecr-bootstrap:creating';
const secrets = () => Object.values(names).map((name) => secretOf(world, name));
const observe = (usesKey = true) => observeKey(world.context(usesKey));
const next = async (usesKey = true) => classify(await observe(usesKey)).next;

/** A second key has replaced the first key, which still works. */
async function withSecondKey() {
  world = await withKey();
  const [first] = keysOf(world);
  const ctx = world.context();
  await createKey(runOf(ctx), await observeKey(ctx));
  const second = keysOf(world).find((key) => key !== first);
  if (!first || !second) throw new Error('there are not two keys');
  return { first, second };
}

/** The second key is stored as AWSPENDING, and the first is current again. */
function makeFirstCurrent(): void {
  for (const secret of secrets()) secret.moveStage('AWSCURRENT', secret.holderOf('AWSPREVIOUS'));
}

/** AWS refuses the stored key, as it does for a moment after the creation. */
const refuse = (key: object | undefined): unknown => Object.assign(key ?? {}, { secret: 'another' });

it('continues with a pending key that works, although no tag says that it is being created', async () => {
  const { second } = await withSecondKey();
  makeFirstCurrent();
  const situation = classify(await observe());
  expect(situation).toMatchObject({ next: 'promote', pair: { pair: { accessKeyId: second.id } } });
});

it('waits for a pending key that AWS still refuses while the tag says that it is being created', async () => {
  const { first, second } = await withSecondKey();
  makeFirstCurrent();
  refuse(second);
  expect(await next()).toBe('settled');
  userOf(world).tags.set(creating, first.id);
  expect(await next()).toBe('promote');
});

it('waits for a current key that AWS still refuses while the tag says that it is being created', async () => {
  world = await withKey();
  refuse(keysOf(world)[0]);
  expect(await next()).toBe('make');
  userOf(world).tags.set(creating, '-');
  expect(await next()).toBe('promote');
});

it('plans to verify a pending key that IAM does not list when the command may not use it', async () => {
  const { second } = await withSecondKey();
  makeFirstCurrent();
  world.sandbox.aws.identities.keys.delete(second.id);
  userOf(world).tags.set(creating, '-');
  const ctx = world.context(false);
  const { changes } = imagePullerKey.diff(await observeKey(ctx), ctx);
  expect(changes.map(({ action, target }) => [action, target.name])).toEqual([['update', second.id]]);
});

it('ignores a stage that an earlier program left on a deleted key, although AWS still accepts the key', async () => {
  const { first, second } = await withSecondKey();
  const left = new Map(secrets().map((secret) => [secret, secret.holderOf('AWSPENDING')]));
  for (const key of [first, second]) key.active = false;
  await up(world);
  for (const [secret, version] of left) secret.moveStage('AWSPENDING', version);
  second.acceptedUntil = world.sandbox.clock.now() + 600_000;
  const state = await observe();
  expect(state.pairs.find(({ pair }) => pair.accessKeyId === second.id)).toMatchObject({
    isPending: true,
    verdict: 'gone',
  });
  expect(await planned(world)).toEqual([]);
});

it('accepts a user with manage: false as it is', async () => {
  world = await withKey({ users: { imagePuller: { manage: false } } });
  userOf(world).tags.clear();
  expect((await plan(world)).changes).toEqual([]);
});

it('treats a working key as managed even if its values were written one by one', async () => {
  world = await withKey();
  for (const secret of secrets()) {
    const value = secret.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value ?? '';
    secret.versions.clear();
    secret.put(value, ['AWSCURRENT'], 0);
  }
  expect((await plan(world)).findings).toEqual([]);
});

it('never deletes a key of an unmanaged user, even if the tag marks it as being created', async () => {
  world = await withKey();
  const user = userOf(world);
  const other = world.sandbox.aws.identities.addKey(user, 0);
  user.tags.clear();
  user.tags.set(creating, '-');
  const { changes } = await plan(world);
  expect(changes.filter(({ action }) => action === 'delete')).toEqual([]);
  expect(keysOf(world)).toContain(other);
});

it('does not manage a key that the user had before its adoption', async () => {
  world = await withKey();
  const user = userOf(world);
  const other = world.sandbox.aws.identities.addKey(user, 0);
  user.tags.set('ecr-bootstrap:adopted', other.id);
  const at = world.sandbox.clock.now();
  secretOf(world, names.id).deletion = { at, gone: at + 86_400_000 };
  const { findings } = await plan(world);
  const unknown = findings.filter(({ code }) => code === 'key-unknown').map(({ target }) => target.name);
  expect(unknown).not.toContain(other.id);
  expect(unknown).toHaveLength(1);
});

it('keeps and reports a replaced key that is not disabled, regardless of its age', async () => {
  const { first } = await withSecondKey();
  world.sandbox.clock.advance(13 * 3_600_000);
  const { changes, findings } = await plan(world);
  expect(changes).toEqual([]);
  expect(findings).toMatchObject([{ code: 'key-unfinished', target: { name: first.id } }]);
});

it('keeps a disabled key until a token from its last use has expired', async () => {
  const { first } = await withSecondKey();
  first.active = false;
  world.sandbox.clock.advance(13 * 3_600_000);
  first.lastUsed = { at: world.sandbox.clock.now(), service: 'ecr' };
  expect(await planned(world)).toEqual([]);
});
