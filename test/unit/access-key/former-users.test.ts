import { afterEach, expect, it } from 'vitest';
import { powerUser } from '../../../src/steps/users.ts';
import { awsTags } from '../../../src/iam/tags.ts';
import { planStep } from '../../contract/step-contract.ts';
import type { AwsWorld } from '../../support/aws.ts';
import { names, planned, secretOf, withKey } from '../steps/image-puller-key/support.ts';

let world: AwsWorld;
afterEach(() => world.close());

const noteOf = (name: string): string => `ecr-bootstrap:power-user/${name}`;

function addManagedUser(name: string): void {
  const user = world.sandbox.aws.identities.addUser(name);
  for (const [key, value] of Object.entries(awsTags(world.config))) user.tags.set(key, value);
}

async function reported(): Promise<string[]> {
  const { findings } = await planStep(powerUser, world);
  return findings.filter(({ code }) => code === 'former-user').map(({ target }) => target.name);
}

it('reports a power user with an earlier name while that user exists', async () => {
  world = await withKey();
  secretOf(world, names.id).tags.set(noteOf('pusher'), '/');
  expect(await reported()).toEqual([]);
  addManagedUser('pusher');
  expect(await reported()).toEqual(['pusher']);
});

it('does not report an earlier name that one of the users has now', async () => {
  world = await withKey();
  addManagedUser('power-user');
  for (const name of ['image-puller', 'Power-User']) secretOf(world, names.id).tags.set(noteOf(name), '/');
  expect(await reported()).toEqual([]);
});

it('records a name with a comma, which tags do not allow', async () => {
  world = await withKey({ users: { powerUser: { name: 'push,pull', path: '/a,b/' } } });
  expect(secretOf(world, names.id).tags.get(noteOf('push:pull'))).toBe('/a:b/');
  expect(await planned(world)).toEqual([]);
});

it('does not record the power user when the secret has the maximum number of tags', async () => {
  world = await withKey();
  const { tags } = secretOf(world, names.id);
  expect(tags.delete(noteOf('power-user'))).toBe(true);
  expect(await planned(world)).toEqual([expect.stringContaining(names.id)]);
  for (let index = tags.size; index < 50; index += 1) tags.set(`ecr-bootstrap:cluster/${index}`, 'AKIA');
  expect(await planned(world)).toEqual([]);
});
