import { afterEach, expect, it } from 'vitest';
import { classify } from '../../../src/access-key/classify.ts';
import { imagePullerKey } from '../../../src/steps/image-puller-key.ts';
import { createKey } from '../../../src/access-key/protocol.ts';
import { observeKey } from '../../../src/access-key/state.ts';
import { namesIn, runOf } from '../../contract/step-contract.ts';
import type { AwsWorld } from '../../support/aws.ts';
import { keysOf, names, secretOf, up, withKey, withUser } from '../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

/** The plan of a command that may or may not use the stored key. */
async function planAs(usesKey: boolean) {
  const ctx = world.context(usesKey);
  return imagePullerKey.diff(await observeKey(ctx), ctx).changes;
}

const usesOf = (id: string | undefined): number =>
  world.sandbox.faults.calls.filter(({ caller }) => caller === id).length;

it('treats a stored key as working if IAM lists it as active and the command may not use it', async () => {
  world = await withKey();
  const id = keysOf(world)[0]?.id;
  const before = usesOf(id);
  expect(await planAs(false)).toEqual([]);
  expect(usesOf(id)).toBe(before);
  expect(await planAs(true)).toEqual([]);
  expect(usesOf(id)).toBe(before + 1);
});

/** A key is created, and IAM does not list it. */
async function withUnlistedKey(): Promise<string> {
  world = await withUser();
  world.sandbox.aws.lags.plan({ service: 'iam', milliseconds: 3_600_000, reads: /^ListAccessKeys$/ });
  await up(world);
  return keysOf(world)[0]?.id ?? '';
}

it('plans to verify a stored key that IAM does not list, and plans no new key', async () => {
  const id = await withUnlistedKey();
  const changes = await planAs(false);
  expect(changes).toMatchObject([{ action: 'update', target: { kind: 'IAM access key', name: id } }]);
  expect(changes[0]?.reason).toContain('will be verified: IAM does not list it');
});

it('verifies a stored key that IAM does not list by using it, and keeps it', async () => {
  const id = await withUnlistedKey();
  expect(await planAs(true)).toEqual([]);
  const { keys, pairs } = await observeKey(world.context());
  expect(keys).toMatchObject([{ id, active: true, isStored: true }]);
  expect(pairs).toMatchObject([{ verdict: 'works' }]);
});

it('plans a new key when IAM does not list the stored key and AWS refuses it', async () => {
  world = await withKey();
  world.sandbox.aws.identities.keys.delete(keysOf(world)[0]?.id ?? '');
  expect(namesIn(await planAs(true))).toEqual(['IAM access key image-puller']);
});

it('does not keep a stored key that belongs to another user', async () => {
  world = await withKey();
  const { identities } = world.sandbox.aws;
  const [own] = keysOf(world);
  identities.keys.delete(own?.id ?? '');
  const other = identities.addKey(identities.addUser('other'), 0);
  identities.settle();
  const values = [other.id, other.secret, 'eu-west-1'];
  Object.values(names).forEach((name, index) =>
    secretOf(world, name).put(values[index] ?? '', ['AWSCURRENT'], 0, 'by-hand'),
  );
  expect(namesIn(await planAs(true))).toEqual(['IAM access key image-puller']);
});

it('plans to verify a key whose values were written separately', async () => {
  world = await withKey();
  const [key] = keysOf(world);
  for (const name of Object.values(names)) {
    const secret = secretOf(world, name);
    const value = secret.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value ?? '';
    secret.versions.clear();
    secret.put(value, ['AWSCURRENT'], 0);
  }
  const changes = await planAs(false);
  expect(changes).toMatchObject([{ action: 'update', target: { kind: 'IAM access key', name: key?.id } }]);
  expect(changes[0]?.reason).toContain('will be verified: its stored values do not match');
});

/** A second key has replaced the first key, which is deleted and still accepted by AWS. */
async function withDeletedKey() {
  world = await withKey();
  const [first] = keysOf(world);
  const ctx = world.context();
  const second = await createKey(runOf(ctx), await observeKey(ctx));
  world.sandbox.aws.identities.revocationLag = 60_000;
  await ctx.aws.iam.deleteAccessKey('image-puller', first?.id ?? '');
  return { first, second };
}

it('does not keep a deleted key that AWS still accepts', async () => {
  const { first, second } = await withDeletedKey();
  await world.aws().iam.disableAccessKey('image-puller', second.accessKeyId);
  const state = await observeKey(world.context());
  expect(state.pairs.map(({ pair, verdict }) => [pair.accessKeyId, verdict])).toEqual([
    [second.accessKeyId, 'gone'],
    [first?.id, 'gone'],
  ]);
  expect(classify(state).next).toBe('make');
  expect(state.keys.map(({ id }) => id)).toEqual([second.accessKeyId]);
});
