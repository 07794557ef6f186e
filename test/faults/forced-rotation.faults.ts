import { afterEach, describe, expect, it } from 'vitest';
import type { Cli } from '../support/cli.ts';
import {
  accessKeys,
  dockerConfig,
  onlyAccessKey,
  openInstalled,
  pull,
  succeed,
} from '../support/image-puller.ts';
import { Thief } from '../support/thief.ts';

/** Milliseconds. Each test starts with a whole `up`. */
const slow = { timeout: 240_000 };

let cli: Cli;
afterEach(() => cli.close());

/** The requests to AWS that change access keys. */
const keyRequests = (): string[] =>
  cli.world.faults.calls
    .map(({ operation }) => operation)
    .filter((operation) => /^(Create|Update|Delete)AccessKey$/.test(operation));

describe('rotate --force', () => {
  it('also replaces a second key of the user, whichever of them leaked', slow, async () => {
    cli = await openInstalled();
    const leaked = onlyAccessKey(cli);
    const { identities } = cli.world.aws;
    const second = identities.addKey(leaked.user, 0);
    const thief = new Thief(cli.world, second);
    await succeed(cli, 'rotate --force --yes');
    thief.stop();
    expect(accessKeys(cli).map(({ id }) => id)).not.toContain(second.id);
    expect(thief.loot).not.toContain(onlyAccessKey(cli).secret);
  });

  it('stops before it creates a key when AWS accepts the disabled key for ten minutes', slow, async () => {
    cli = await openInstalled();
    cli.world.aws.identities.revocationLag = 3_600_000;
    const { code, stderr } = await cli.run('rotate --force --yes');
    expect(code).toBe(1);
    expect(stderr).toContain('could not create a new access key');
    expect(stderr).toContain('AWS still accepts access key');
    expect(keyRequests()).toEqual(['CreateAccessKey', 'UpdateAccessKey']);
    expect(accessKeys(cli)).toMatchObject([{ active: false }]);
  });

  it.each(['throttle', 'reset'] as const)(
    'does not take a failed request (%s) for a rejection of the key',
    slow,
    async (kind) => {
      cli = await openInstalled();
      const { id: caller } = onlyAccessKey(cli);
      const { faults, clock } = cli.world;
      const times = new Map<string, number>();
      let relent: (() => void) | undefined;
      faults.onCall(({ operation }) => {
        times.set(operation, clock.now());
        const since = times.get('UpdateAccessKey');
        if (since === undefined) return;
        relent ??= faults.plan({ kind, caller });
        if (clock.now() > since + 60_000) relent();
      });
      await succeed(cli, 'rotate --force --yes');
      const [disabled = 0, created = 0] = [times.get('UpdateAccessKey'), times.get('CreateAccessKey')];
      expect(created - disabled).toBeGreaterThan(90_000);
    },
  );

  it('waits a minute when the secret access key of the disabled key is not stored', slow, async () => {
    cli = await openInstalled();
    const leaked = onlyAccessKey(cli);
    for (const secret of cli.world.aws.secrets.all()) secret.versions.clear();
    const thief = new Thief(cli.world, leaked);
    const start = cli.world.clock.now();
    await succeed(cli, 'rotate --force --yes');
    thief.stop();
    expect(cli.world.clock.now() - start).toBeGreaterThan(60_000);
    expect(thief.loot).not.toContain(onlyAccessKey(cli).secret);
  });

  it('is completed by up when it was interrupted before the new key exists', slow, async () => {
    cli = await openInstalled();
    const leaked = onlyAccessKey(cli);
    const thief = new Thief(cli.world, leaked);
    const restore = cutAtCreation();
    expect((await cli.run('rotate --force --yes', { env: { AWS_MAX_ATTEMPTS: '1' } })).code).not.toBe(0);
    restore();
    expect(leaked.active).toBe(false);

    const status = await cli.run('status');
    expect(status.code).toBe(3);
    expect(status.stdout).toContain(`the current access key, ${leaked.id}, is disabled`);
    expect(status.stdout).toContain('Run `ecr-bootstrap up`');
    await succeed(cli, 'up --yes');
    thief.stop();
    expect(onlyAccessKey(cli).id).not.toBe(leaked.id);
    expect(thief.loot).not.toContain(onlyAccessKey(cli).secret);
    expect(await pull(cli, dockerConfig(cli, 'shop'))).toBe('pulled');
    await succeed(cli, 'status');
  });

  it('rotates while the operator is not running, and reports that up must follow', slow, async () => {
    cli = await openInstalled();
    const leaked = onlyAccessKey(cli);
    cli.world.cluster.delete('Deployment', 'external-secrets', 'external-secrets');
    await cli.world.cluster.settled();
    const { code, stderr } = await cli.run('rotate --force --yes');
    expect(code).toBe(1);
    expect(stderr).toContain('ecr-bootstrap up');
    expect(onlyAccessKey(cli).id).not.toBe(leaked.id);
    await succeed(cli, 'up --yes');
    expect(await pull(cli, dockerConfig(cli, 'shop'))).toBe('pulled');
  });
});

/** Resets every request from the one that would create a key. */
function cutAtCreation(): () => void {
  const { faults } = cli.world;
  const restore: (() => void)[] = [];
  restore.push(
    faults.onCall(({ operation }) => {
      if (operation === 'CreateAccessKey') restore.push(faults.plan({ kind: 'reset' }));
    }),
  );
  return () => {
    for (const act of restore) act();
  };
}
