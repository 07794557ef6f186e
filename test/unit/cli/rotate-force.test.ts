import { afterEach, describe, expect, it } from 'vitest';
import type { AccessKey } from '../../../src/sandbox/aws/identities.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { Thief } from '../../support/thief.ts';
import { dispatcher, send } from '../sandbox/support.ts';

/** Milliseconds: a whole `up` comes first. */
const patient = { timeout: 240_000 };
/** Milliseconds for which AWS still accepts a disabled key. */
const lag = 20_000;

let cli: Cli;
afterEach(() => cli.close());

async function install(): Promise<AccessKey> {
  cli = await openCli({}, { hurried: true });
  await succeed('up -q --yes');
  cli.world.aws.identities.revocationLag = lag;
  return onlyKey();
}

async function succeed(command: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(command);
  expect(code, `${command}: ${stdout}${stderr}`).toBe(0);
  await cli.world.cluster.settled();
  return stdout;
}

const keys = (): AccessKey[] =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');

function onlyKey(): AccessKey {
  const [key, ...others] = keys();
  if (!key || others.length > 0) throw new Error(`there are ${others.length + (key ? 1 : 0)} keys`);
  return key;
}

/** What AWS was asked to do with access keys, with the user or key that it was about. */
const keyRequests = (): string[] =>
  cli.world.faults.calls
    .map(({ operation }) => operation)
    .filter((operation) => /^(Create|Update|Delete)AccessKey$/.test(operation));

function dockerConfig(namespace: string): string {
  const { data } = cli.world.cluster.get('Secret', 'puller', namespace) as unknown as {
    data: Record<string, string>;
  };
  return Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
}

const pull = (config: string) =>
  cli.world.images.pull(`${cli.world.registryHost}/shop/external-secrets:v0.12.1`, 'linux/amd64', [config]);

describe('rotate --force', () => {
  it('never lets a thief who polls with the leaked key read the new one', patient, async () => {
    const leaked = await install();
    const stolenConfig = dockerConfig('shop');
    expect(await pull(stolenConfig)).toBe('pulled');
    const thief = new Thief(cli.world, leaked);
    await succeed('rotate --force --yes');
    thief.stop();
    thief.read();

    const current = onlyKey();
    expect(current.id).not.toBe(leaked.id);
    expect(thief.attempts).toBeGreaterThan(100);
    expect(thief.loot).toContain(leaked.id);
    expect(thief.loot).not.toContain(current.id);
    expect(thief.loot).not.toContain(current.secret);
    expect([...thief.refusals]).toEqual(['UnrecognizedClientException']);

    expect(await pull(stolenConfig)).toBe('unauthorized');
    expect(await push(stolenConfig)).toBe(401);
    expect(await pull(dockerConfig('shop'))).toBe('pulled');
    expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change');
  });

  it('shows its plan in the order in which it works, and warns that pulls may fail', patient, async () => {
    const leaked = await install();
    const stdout = await succeed('rotate --force --dry-run');
    const order = [
      `~ IAM access key ${leaked.id}`,
      'pulls may fail until this run has given every namespace a new pull secret',
      `+ IAM access key image-puller  (when AWS has refused ${leaked.id} for 30 s)`,
      '~ Secret external-secrets/image-puller',
      '~ Secret external-secrets/puller',
      `- IAM access key ${leaked.id}`,
      '~ cluster registration',
    ].map((text) => stdout.indexOf(text));
    expect(order, stdout).not.toContain(-1);
    expect(order, stdout).toEqual(order.toSorted((a, b) => a - b));
    expect(keys()).toEqual([leaked]);
  });

  it('replaces a second key of the user too, whichever of them leaked', patient, async () => {
    const leaked = await install();
    const { identities } = cli.world.aws;
    const second = identities.addKey(leaked.user, 0);
    const thief = new Thief(cli.world, second);
    await succeed('rotate --force --yes');
    thief.stop();
    expect(keys().map(({ id }) => id)).not.toContain(second.id);
    expect(thief.loot).not.toContain(onlyKey().secret);
  });

  it('stops before it creates a key when AWS accepts the disabled one for ten minutes', patient, async () => {
    await install();
    cli.world.aws.identities.revocationLag = 3_600_000;
    const { code, stderr } = await cli.run('rotate --force --yes');
    expect(code).toBe(1);
    expect(stderr).toContain('could not create a new access key');
    expect(stderr).toContain('AWS still accepts access key');
    expect(keyRequests()).toEqual(['CreateAccessKey', 'UpdateAccessKey']);
    expect(keys()).toMatchObject([{ active: false }]);
  });

  it.each(['throttle', 'reset'] as const)(
    'does not take a request that fails (%s) for a refusal of the key',
    patient,
    async (kind) => {
      const { id: caller } = await install();
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
      await succeed('rotate --force --yes');
      const [disabled = 0, created = 0] = [times.get('UpdateAccessKey'), times.get('CreateAccessKey')];
      expect(created - disabled).toBeGreaterThan(90_000);
    },
  );

  it('waits a minute when the secret access key of the disabled one is not stored', patient, async () => {
    const leaked = await install();
    for (const secret of cli.world.aws.secrets.all()) secret.versions.clear();
    const thief = new Thief(cli.world, leaked);
    const start = cli.world.clock.now();
    await succeed('rotate --force --yes');
    thief.stop();
    expect(cli.world.clock.now() - start).toBeGreaterThan(60_000);
    expect(thief.loot).not.toContain(onlyKey().secret);
  });

  it('is followed by up when it was interrupted before the new key exists', patient, async () => {
    const leaked = await install();
    const thief = new Thief(cli.world, leaked);
    const restore = cutAtCreation();
    expect((await cli.run('rotate --force --yes', { env: { AWS_MAX_ATTEMPTS: '1' } })).code).not.toBe(0);
    restore();
    expect(leaked.active).toBe(false);

    const status = await cli.run('status');
    expect(status.code).toBe(3);
    expect(status.stdout).toContain(`the current access key, ${leaked.id}, is disabled`);
    expect(status.stdout).toContain('Run `ecr-bootstrap up`');
    await succeed('up --yes');
    thief.stop();
    expect(onlyKey().id).not.toBe(leaked.id);
    expect(thief.loot).not.toContain(onlyKey().secret);
    expect(await pull(dockerConfig('shop'))).toBe('pulled');
    await succeed('status');
  });

  it('works while the operator does not run, and says that up has to follow', patient, async () => {
    const leaked = await install();
    cli.world.cluster.delete('Deployment', 'external-secrets', 'external-secrets');
    await cli.world.cluster.settled();
    const { code, stderr } = await cli.run('rotate --force --yes');
    expect(code).toBe(1);
    expect(stderr).toContain('ecr-bootstrap up');
    expect(onlyKey().id).not.toBe(leaked.id);
    await succeed('up --yes');
    expect(await pull(dockerConfig('shop'))).toBe('pulled');
  });
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

/** From the request on that would create a key nothing is answered. */
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
