import { afterEach, expect, it } from 'vitest';
import { SeenKeys } from '../../../../src/access-key/rotation/seen-keys.ts';
import { rotationObserver } from '../../../../src/access-key/rotation/state.ts';
import { OperatorWorld } from '../../steps/operator-world.ts';

let world: OperatorWorld;
afterEach(() => world.close());

it('does not begin a rotation in a run that has only repaired the stored key', async () => {
  world = await OperatorWorld.start();
  const region = world.sandbox.aws.secrets.get('image-puller-REGION');
  const version = region?.holderOf('AWSCURRENT');
  region?.put('eu-west-1', ['AWSCURRENT'], 0);
  const observe = rotationObserver(new SeenKeys());
  expect(await observe(world.context())).toMatchObject({ begins: false, outgoing: [] });
  region?.moveStage('AWSCURRENT', version);
  expect(await observe(world.context())).toMatchObject({ begins: false, outgoing: [] });
  const another = rotationObserver(new SeenKeys());
  for (const _ of ['plan', 'apply']) {
    expect(await another(world.context())).toMatchObject({ begins: true, outgoing: [{ active: true }] });
  }
});
