import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cli } from '../../support/cli.ts';
import {
  accessKeys,
  dockerConfig,
  onlyAccessKey,
  openInstalled,
  pull,
  succeed,
} from '../../support/image-puller.ts';
import { Thief } from '../../support/thief.ts';
import { dispatcher, send } from '../sandbox/support.ts';

// Failures during a forced rotation are tested in test/faults/forced-rotation.faults.ts.

/** Milliseconds: a whole `up` runs first. */
const slow = { timeout: 240_000 };

let cli: Cli;
beforeAll(async () => {
  cli = await openInstalled();
}, slow.timeout);
afterAll(() => cli.close());

describe('rotate --force', () => {
  it('shows its plan in the order of execution, and warns that pulls may fail', slow, async () => {
    const leaked = onlyAccessKey(cli);
    const stdout = (await succeed(cli, 'rotate --force --dry-run')).replace(/\s+/g, ' ');
    const order = [
      `~ IAM access key ${leaked.id}`,
      'pulls may fail until this run has given every namespace a new pull secret',
      `+ IAM access key image-puller (when AWS has refused ${leaked.id} for 30 s)`,
      '~ cluster registration',
      '~ Secret external-secrets/image-puller',
      '~ Secret external-secrets/puller',
      `- IAM access key ${leaked.id}`,
      'verified: false -> true',
    ].map((text) => stdout.indexOf(text));
    expect(order, stdout).not.toContain(-1);
    expect(order, stdout).toEqual(order.toSorted((a, b) => a - b));
    expect(stdout).toContain('Plan: 1 to create, 3 to update, 1 to delete.');
    expect(accessKeys(cli)).toEqual([leaked]);
  });

  it(
    'warns that an outdated policy lets temporary credentials of the key read the new one',
    slow,
    async () => {
      expect(await succeed(cli, 'rotate --force --dry-run')).not.toContain('temporary credentials');
      const { identities } = cli.world.aws;
      const arn = identities.arn('policy', '/', 'ecr-bootstrap-image-puller');
      const policy = identities.policies.get(arn);
      const version = policy?.versions.get(policy.defaultVersion);
      if (!policy || !version) throw new Error(`no policy ${arn}`);
      const document = JSON.parse(version.document) as { Statement: { Condition?: unknown }[] };
      for (const statement of document.Statement) delete statement.Condition;
      policy.versions.set(policy.defaultVersion, { ...version, document: JSON.stringify(document) });
      const stdout = await succeed(cli, 'rotate --force --dry-run');
      policy.versions.set(policy.defaultVersion, version);
      expect(stdout).toContain('temporary credentials of a leaked key can read the new key');
      expect(stdout).toContain('ecr-bootstrap up --only image-puller');
    },
  );

  it(
    'keeps the key enabled when the caller is not allowed to read the secrets of the new one',
    slow,
    async () => {
      const { id } = onlyAccessKey(cli);
      const seen = cli.world.faults.plan({
        kind: 'deny',
        service: 'secretsmanager',
        operation: 'DescribeSecret',
      });
      const { code, stderr } = await cli.run('rotate --force --yes');
      seen();
      expect(code, stderr).not.toBe(0);
      expect(stderr).toContain('the caller may not read it');
      expect(onlyAccessKey(cli)).toMatchObject({ id, active: true });
    },
  );

  it(
    'never lets an attacker who polls with the leaked key or its session read the new key',
    slow,
    async () => {
      const leaked = onlyAccessKey(cli);
      const stolenConfig = dockerConfig(cli, 'shop');
      expect(await pull(cli, stolenConfig)).toBe('pulled');
      const thief = new Thief(cli.world, leaked);
      await thief.takeSession();
      await succeed(cli, 'rotate --force --yes');
      thief.stop();
      thief.read();

      const current = onlyAccessKey(cli);
      expect(current.id).not.toBe(leaked.id);
      expect(thief.attempts).toBeGreaterThan(100);
      expect(thief.loot).toContain(leaked.id);
      expect(thief.loot).not.toContain(current.id);
      expect(thief.loot).not.toContain(current.secret);
      expect([...thief.refusals].sort()).toEqual(['AccessDeniedException', 'UnrecognizedClientException']);

      expect(await pull(cli, stolenConfig)).toBe('unauthorized');
      expect(await push(stolenConfig)).toBe(401);
      expect(await pull(cli, dockerConfig(cli, 'shop'))).toBe('pulled');
      expect(await succeed(cli, 'up --dry-run --exit-code')).toContain('Nothing would change');
    },
  );

  it(
    'leaves no stage on the key of an earlier rotation, so that status reports a disabled key',
    slow,
    async () => {
      await succeed(cli, 'rotate --yes');
      await succeed(cli, 'rotate --force --yes');
      onlyAccessKey(cli).active = false;
      const { code, stdout } = await cli.run('status');
      expect(code).toBe(3);
      expect(stdout).toContain('[key-disabled]');
    },
  );
});

/** Starts to upload a blob with the login of a docker config. Resolves to the registry's status. */
async function push(config: string): Promise<number> {
  const { auths } = JSON.parse(config) as { auths: Record<string, { auth: string }> };
  const { auth = '' } = auths[cli.world.registryHost] ?? {};
  const through = dispatcher(cli.world);
  const url = `https://${cli.world.registryHost}/v2/shop/external-secrets/blobs/uploads/`;
  const { status } = await send(through, 'POST', url, { authorization: `Basic ${auth}` });
  await through.close();
  return status;
}
