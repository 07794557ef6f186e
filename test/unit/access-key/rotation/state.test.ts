import { afterEach, expect, it } from 'vitest';
import { newKey } from '../../../../src/access-key/rotation/new-key.ts';
import { ObservedKeys } from '../../../../src/access-key/rotation/observed-keys.ts';
import { rotationObserver } from '../../../../src/access-key/rotation/state.ts';
import { applyStep } from '../../../contract/step-contract.ts';
import { OperatorWorld } from '../../steps/operator-world.ts';

let world: OperatorWorld;
afterEach(() => world.close());

it('does not begin a rotation in a run that has only repaired the stored key', async () => {
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

it('replaces the key of its first look, also when IAM shows the tag of the run that created that key', async () => {
  world = await OperatorWorld.start();
  const { users, keys } = world.sandbox.aws.identities;
  const [old] = [...keys.values()].filter(({ user }) => user.name === 'image-puller');
  const observe = rotationObserver(new ObservedKeys());
  await applyStep(newKey(observe), world);
  users.get('image-puller')?.tags.set('ecr-bootstrap:creating', '-');
  expect(await observe(world.context())).toMatchObject({ isNew: false, outgoing: [{ id: old?.id }] });
});
