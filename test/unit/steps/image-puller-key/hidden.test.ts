import { afterEach, expect, it } from 'vitest';
import { recordTag } from '../../../../src/access-key/registration/records.ts';
import type { AwsWorld } from '../../../support/aws.ts';
import { keysOf, names, plan, secretOf, withKey } from './support.ts';

let world: AwsWorld;
afterEach(() => world.close());

/** Schedules secrets for deletion, like a user. */
function scheduleDeletion(...which: readonly string[]): void {
  const now = world.sandbox.clock.now();
  for (const name of which) secretOf(world, name).deletion = { at: now, gone: now + 30 * 86_400_000 };
}

const keyFindings = async () =>
  (await plan(world)).findings.filter(({ target }) => target.kind === 'IAM access key');

it('reports a key as unknown while the secret that lists the managed keys is scheduled for deletion', async () => {
  world = await withKey();
  scheduleDeletion(...Object.values(names));
  const findings = await keyFindings();
  expect(findings).toMatchObject([{ level: 'unknown', code: 'key-unknown' }]);
  expect(findings[0]?.why).toContain('is scheduled for deletion');
  expect(findings[0]?.hint).toMatch(/ecr-bootstrap up.*Do not delete the key before/);
});

it('reports a key as unknown while the caller may not read the secret that lists the managed keys', async () => {
  world = await withKey();
  world.sandbox.faults.plan({ kind: 'deny', operation: 'DescribeSecret' });
  const findings = await keyFindings();
  expect(findings).toMatchObject([{ level: 'unknown', code: 'key-unknown' }]);
  expect(findings[0]?.why).toContain('the caller may not read it');
});

it('treats a registered key as managed although its secrets are scheduled for deletion', async () => {
  world = await withKey();
  const [key] = keysOf(world);
  const record = { id: 'a-cluster', keyId: key?.id ?? '', name: 'prod', version: '0.2' };
  for (const [tag, value] of Object.entries(recordTag(record, 0)))
    secretOf(world, names.id).tags.set(tag, value);
  scheduleDeletion(...Object.values(names));
  expect(await keyFindings()).toEqual([]);
});

it('treats a stored key as managed while only the other two secrets are scheduled for deletion', async () => {
  world = await withKey();
  scheduleDeletion(names.secret, names.region);
  expect(await keyFindings()).toEqual([]);
});

it('reports a key as unmanaged when the secret that lists the managed keys can be read', async () => {
  world = await withKey();
  const { identities } = world.sandbox.aws;
  const user = identities.users.get('image-puller');
  if (user) identities.addKey(user);
  const findings = await keyFindings();
  expect(findings).toMatchObject([{ level: 'warning', code: 'user-extra-access' }]);
  expect(findings[0]?.hint).toContain('get-access-key-last-used');
});
