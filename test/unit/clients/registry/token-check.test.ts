import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLoginAccepted } from '../../../../src/clients/registry/token-check.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { AwsWorld } from '../../../support/aws.ts';

let world: AwsWorld;
beforeAll(async () => {
  world = await AwsWorld.start();
});
afterAll(() => world.close());

const isAccepted = (password: string) =>
  isLoginAccepted(world.net, {
    host: world.sandbox.registryHost,
    login: { username: 'AWS', password: new Secret(password) },
  });

it('accepts a login that the registry accepts', async () => {
  const { password } = await world.aws().ecr.token();
  expect(await isAccepted(password.reveal())).toBe(true);
});

it.each([
  ['is malformed, which ECR answers with 400', 'corrupted in the Secret'],
  ['was never issued, which ECR answers with 401', randomBytes(96).toString('base64')],
])('reports a rejected login that %s', async (_, password) => {
  expect(await isAccepted(password)).toBe(false);
});

it('does not treat a response without a statement about the login as a rejection', async () => {
  const relent = world.sandbox.faults.plan({ kind: 'error', service: 'registry' });
  await expect(isAccepted(randomBytes(96).toString('base64'))).rejects.toMatchObject({
    code: 'registry-failed',
  });
  relent();
});
