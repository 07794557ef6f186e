import { afterEach, expect, it } from 'vitest';
import { newKey } from '../../../../src/access-key/rotation/new-key.ts';
import { ObservedKeys } from '../../../../src/access-key/rotation/observed-keys.ts';
import { clustersToWaitFor, rotationObserver } from '../../../../src/access-key/rotation/state.ts';
import { recordTag } from '../../../../src/access-key/registration/records.ts';
import { observeKey } from '../../../../src/access-key/state.ts';
import { applyStep } from '../../../contract/step-contract.ts';
import { OperatorWorld } from '../../steps/operator-world.ts';

let world: OperatorWorld;
afterEach(() => world.close());

it('does not start a rotation in a run that has only repaired the stored key', async () => {
  world = await OperatorWorld.start();
  const region = world.sandbox.aws.secrets.get('image-puller-REGION');
  const version = region?.holderOf('AWSCURRENT');
  region?.put('eu-west-1', ['AWSCURRENT'], 0);
  const observe = rotationObserver(new ObservedKeys());
  expect(await observe(world.context())).toMatchObject({ isNew: false, outgoing: [] });
  region?.moveStage('AWSCURRENT', version);
  expect(await observe(world.context())).toMatchObject({ isNew: false, outgoing: [] });
  const another = rotationObserver(new ObservedKeys());
  for (const _ of ['plan', 'apply']) {
    expect(await another(world.context())).toMatchObject({ isNew: true, outgoing: [{ active: true }] });
  }
});

it('replaces the key of its first observation, even if IAM still shows the tag of its creation', async () => {
  world = await OperatorWorld.start({ fast: true });
  const { users, keys } = world.sandbox.aws.identities;
  const [old] = [...keys.values()].filter(({ user }) => user.name === 'image-puller');
  const observe = rotationObserver(new ObservedKeys());
  await applyStep(newKey(observe), world);
  users.get('image-puller')?.tags.set('ecr-bootstrap:creating', '-');
  expect(await observe(world.context())).toMatchObject({ isNew: false, outgoing: [{ id: old?.id }] });
});

it('waits for other clusters until each of them is verified with the current key', async () => {
  world = await OperatorWorld.start();
  const { tags } = world.sandbox.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID') ?? { tags: new Map() };
  const [key] = [...world.sandbox.aws.identities.keys.values()].filter(
    ({ user }) => user.name === 'image-puller',
  );
  const current = { keyId: key?.id ?? '', version: '0.1' };
  const records = [
    { ...current, id: 'verified', name: 'verified', verification: 'verified' },
    { ...current, id: 'unverified', name: 'unverified', verification: 'unverified' },
    { ...current, id: 'first', name: 'first', verification: 'first' },
    { ...current, id: 'old', name: 'old', verification: 'verified', keyId: 'AKIAIOSFODNN7EXAMPLE' },
    { ...current, id: 'here', name: 'here', verification: 'unverified' },
  ] as const;
  for (const record of records) {
    for (const [name, value] of Object.entries(recordTag(record, 0))) tags.set(name, value);
  }
  const state = await observeKey(world.context());
  const ids = (isNew: boolean) => clustersToWaitFor(state, { isNew }, 'here').map(({ id }) => id);
  expect(ids(false)).toEqual(['unverified', 'first', 'old']);
  expect(ids(true)).toEqual(['verified', 'unverified', 'first', 'old']);
});
