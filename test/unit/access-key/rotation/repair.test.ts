import { afterEach, expect, it } from 'vitest';
import { classify } from '../../../../src/access-key/classify.ts';
import { observeKey } from '../../../../src/access-key/state.ts';
import { forcedRotationSteps } from '../../../../src/access-key/rotation/forced.ts';
import { newKey } from '../../../../src/access-key/rotation/new-key.ts';
import { observeUser } from '../../../../src/iam/users/state.ts';
import { namesIn, runOf } from '../../../contract/step-contract.ts';
import type { AwsWorld } from '../../../support/aws.ts';
import { keysOf, names, secretOf, withKey } from '../../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

function scheduleDeletion(name: string): void {
  const at = world.sandbox.clock.now();
  secretOf(world, name).deletion = { at, gone: at + 30 * 86_400_000 };
}

/** Writes the value of one secret again, so that the three values come from different writes. */
function tear(name: string): void {
  const secret = secretOf(world, name);
  const value = secret.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value ?? '';
  secret.put(value, ['AWSCURRENT'], 0);
}

/** The first plan of `rotate`. @param outgoing other working keys */
async function findings({ outgoing = [], usesKey = true, creating = '' } = {}) {
  const user = world.sandbox.aws.identities.users.get('image-puller');
  if (creating) user?.tags.set('ecr-bootstrap:creating', creating);
  const ctx = world.context(usesKey);
  const key = await observeKey(ctx);
  const rotation = { key, isNew: classify(key).next === 'settled', outgoing, waiting: [], blockedBy: [] };
  return newKey(() => Promise.resolve(rotation)).diff(rotation, ctx);
}

it('refuses a plain rotation while any of the three secrets is scheduled for deletion', async () => {
  world = await withKey();
  for (const name of Object.values(names)) {
    scheduleDeletion(name);
    const { changes, findings: found } = await findings();
    expect(changes).toEqual([]);
    expect(found.filter(({ blocking }) => blocking)).toMatchObject([
      { code: 'key-unknown', what: `${name} is scheduled for deletion` },
    ]);
    secretOf(world, name).deletion = undefined;
  }
});

it('names all secrets that are scheduled for deletion in one finding', async () => {
  world = await withKey();
  scheduleDeletion(names.id);
  scheduleDeletion(names.region);
  const [first] = (await findings()).findings.filter(({ blocking }) => blocking);
  expect(first?.what).toBe(`${names.id}, ${names.region} are scheduled for deletion`);
});

it('refuses a plain rotation of values that were written separately, even in a dry run', async () => {
  world = await withKey();
  for (const name of Object.values(names)) {
    tear(name);
    const { versions } = secretOf(world, name);
    for (const [id, { stages }] of versions) if (!stages.has('AWSCURRENT')) versions.delete(id);
  }
  for (const usesKey of [true, false]) {
    const { changes, findings: found } = await findings({ usesKey });
    expect(changes).toEqual([]);
    expect(found.filter(({ blocking }) => blocking)).toMatchObject([{ code: 'key-pair-mismatch' }]);
  }
});

it('refuses a plain rotation when an earlier version has to become current again', async () => {
  world = await withKey();
  tear(names.region);
  expect((await findings()).findings.filter(({ blocking }) => blocking)).toMatchObject([
    { code: 'key-pair-mismatch' },
  ]);
});

it.each([
  [
    'the key that it replaces still works',
    { outgoing: [{ id: 'AKIAOLD', active: true, created: 0, isStored: true }] },
  ],
  ['the new key is still tagged as being created', { creating: '-' }],
])('continues an interrupted rotation while %s', async (_, options) => {
  world = await withKey();
  tear(names.region);
  const { changes, findings: found } = await findings(options as object);
  expect(found.filter(({ blocking }) => blocking)).toEqual([]);
  expect(namesIn(changes)).toContain(`AWS secret ${names.region}: AWSCURRENT`);
});

it('plans a forced rotation that restores secrets before it disables the key', async () => {
  world = await withKey();
  scheduleDeletion(names.secret);
  const [revocation, replacement] = forcedRotationSteps();
  const ctx = world.context();
  const key = await observeKey(ctx);
  const user = await observeUser('imagePuller', ctx, () => Promise.resolve([]));
  const state = {
    key,
    user,
    former: { users: [] },
    isNew: true,
    outgoing: key.keys,
    waiting: [],
    blockedBy: [],
  };
  expect(
    revocation?.diff(state, ctx).changes.map(({ target, fields }) => [target.name, fields[0]?.path]),
  ).toEqual([
    [names.secret, 'deletion'],
    [keysOf(world)[0]?.id, 'status'],
  ]);
  expect(namesIn(replacement?.diff(state, ctx).changes ?? [])).toEqual(['IAM access key image-puller']);
});

it('removes the tag of an interrupted run together with the last key that it protected', async () => {
  world = await withKey();
  const user = world.sandbox.aws.identities.users.get('image-puller');
  user?.tags.set('ecr-bootstrap:creating', '-');
  const ctx = world.context();
  const key = await observeKey(ctx);
  const oldKey = forcedRotationSteps().find(({ id }) => id === 'old-key');
  const state = { key, isNew: false, outgoing: key.keys, waiting: [], blockedBy: [] };
  const changes = oldKey?.diff(state, ctx).changes ?? [];
  expect(await oldKey?.apply(changes, state, runOf(ctx))).toMatchObject([{ result: 'done' }]);
  expect(keysOf(world)).toEqual([]);
  expect([...(user?.tags.keys() ?? [])]).not.toContain('ecr-bootstrap:creating');
});
