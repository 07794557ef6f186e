import { afterEach, expect, it } from 'vitest';
import type { AwsWorld } from '../../../support/aws.ts';
import { names, plan, secretOf, withKey } from './support.ts';

let world: AwsWorld;
afterEach(() => world.close());

const policy = JSON.stringify({
  Statement: { Effect: 'Allow', Principal: { AWS: '999999999999' }, Action: 'secretsmanager:GetSecretValue' },
});
const accessFindings = async () =>
  (await plan(world)).findings.filter(({ code }) => code === 'resource-policy');

it('reports which principals the policy of a secret allows before the secret is adopted', async () => {
  world = await withKey();
  const secret = secretOf(world, names.secret);
  secret.tags.clear();
  secret.policy = policy;
  expect(await accessFindings()).toMatchObject([
    {
      level: 'warning',
      target: { name: names.secret },
      what: expect.stringContaining('grants access to account 999999999999') as string,
    },
  ]);
});

it('reports that the policy of a secret to adopt could not be read', async () => {
  world = await withKey();
  secretOf(world, names.secret).tags.clear();
  world.sandbox.faults.plan({ kind: 'deny', operation: 'GetResourcePolicy' });
  expect(await accessFindings()).toMatchObject([{ level: 'unknown', target: { name: names.secret } }]);
});

it('does not read the policies of managed secrets', async () => {
  world = await withKey();
  secretOf(world, names.secret).policy = policy;
  world.sandbox.faults.calls.splice(0);
  expect(await accessFindings()).toEqual([]);
  expect(world.sandbox.faults.calls.map(({ operation }) => operation)).not.toContain('GetResourcePolicy');
});
